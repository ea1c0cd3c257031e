//! From facts, which are JSON, to the values that expressions compute with, measured on the way.

use super::check::Uses;
use super::shortened;
use super::vocabulary::{Field, Shape, Vocabulary};
use crate::time::Time;
use cel::common::types::{CelBool, CelInt, CelList, CelMap, CelMapKey, CelString};
use cel::common::value::Val;
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashMap};

/// How large a value can be, for working out what an expression costs.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Measure {
    /// Steps that copying it takes.
    pub weight: u64,
    /// Elements of a list.
    pub length: u64,
    /// The largest of everything that any element has.
    pub element: Option<Box<Measure>>,
    pub fields: BTreeMap<String, Measure>,
}

/// Bytes of a text that are as quick to copy or to search as one step.
const BYTES_A_STEP: u64 = 32;

impl Measure {
    pub fn unit() -> Self {
        Self { weight: 1, ..Self::default() }
    }

    pub fn text(bytes: usize) -> Self {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        Self { weight: bytes.div_ceil(BYTES_A_STEP).saturating_add(1), ..Self::default() }
    }

    pub fn list(length: u64, element: Measure) -> Self {
        let weight = element.weight.saturating_mul(length).saturating_add(1);
        Self { weight, length, element: Some(Box::new(element)), ..Self::default() }
    }

    /// Grows until it covers `other` too.
    pub fn cover(&mut self, other: &Self) {
        self.weight = self.weight.max(other.weight);
        self.length = self.length.max(other.length);
        if let Some(theirs) = &other.element {
            match &mut self.element {
                Some(ours) => ours.cover(theirs),
                None => self.element = Some(theirs.clone()),
            }
        }
        for (name, theirs) in &other.fields {
            match self.fields.get_mut(name) {
                Some(ours) => ours.cover(theirs),
                None => {
                    self.fields.insert(name.clone(), theirs.clone());
                }
            }
        }
    }
}

type Converted<'v> = (Box<dyn Val + 'v>, Measure);

/// The facts that an expression uses, each under its name.
pub(super) fn convert<'v>(
    facts: &'v Json,
    vocabulary: &Vocabulary,
    uses: &Uses,
) -> Result<Vec<(&'static str, Converted<'v>)>, String> {
    let used = vocabulary.facts.iter().filter(|field| uses.facts.contains(field.name));
    used.map(|field| match member(facts, field, uses, field.name)? {
        Some(converted) => Ok((field.name, converted)),
        // Without names: has() finds none of them, and reading one is an error.
        None if matches!(field.shape, Shape::Object(_)) => {
            Ok((field.name, (Box::new(CelMap::from(HashMap::new())) as Box<dyn Val>, Measure::unit())))
        }
        None => Err(format!("expected the fact `{}`, found nothing", field.name)),
    })
    .collect()
}

/// A fact by its name; nothing if it is absent and may be.
fn member<'v>(
    parent: &'v Json,
    field: &Field,
    uses: &Uses,
    path: &str,
) -> Result<Option<Converted<'v>>, String> {
    match parent.get(field.name) {
        None | Some(Json::Null) if field.optional => Ok(None),
        None | Some(Json::Null) => Err(format!("expected the fact `{path}`, found nothing")),
        Some(value) => convert_one(value, &field.shape, uses, path).map(Some),
    }
}

fn convert_one<'v>(value: &'v Json, shape: &Shape, uses: &Uses, path: &str) -> Result<Converted<'v>, String> {
    let mismatch = || format!("expected the fact `{path}` to be {shape}, found {}", kind(value));
    match shape {
        Shape::Bool => {
            let value = value.as_bool().ok_or_else(mismatch)?;
            Ok((Box::new(CelBool::from(value)), Measure::unit()))
        }
        Shape::Int => {
            let value = value.as_i64().ok_or_else(mismatch)?;
            Ok((Box::new(CelInt::from(value)), Measure::unit()))
        }
        Shape::Text => {
            let text = value.as_str().ok_or_else(mismatch)?;
            Ok((Box::new(CelString::from(text)), Measure::text(text.len())))
        }
        Shape::Time => {
            let text = value.as_str().ok_or_else(mismatch)?;
            let time: Time = text
                .parse()
                .map_err(|error| format!("the fact `{path}`: {error}; found \"{}\"", shortened(text)))?;
            Ok((Box::new(CelInt::from(time.microseconds())), Measure::unit()))
        }
        Shape::List(element) => list(value.as_array().ok_or_else(mismatch)?, element, uses, path),
        Shape::Object(fields) if value.is_object() => object(value, fields, uses, path),
        Shape::Object(_) => Err(mismatch()),
    }
}

fn list<'v>(values: &'v [Json], shape: &Shape, uses: &Uses, path: &str) -> Result<Converted<'v>, String> {
    let mut elements = Vec::with_capacity(values.len());
    let mut largest = Measure::default();
    let mut weight: u64 = 1;
    for (index, value) in values.iter().enumerate() {
        // The path with the index is only made for a message.
        let (element, measure) = convert_one(value, shape, uses, path)
            .map_err(|error| format!("{error} (element {index} of a list)"))?;
        weight = weight.saturating_add(measure.weight);
        largest.cover(&measure);
        elements.push(element);
    }
    let mut measure = Measure::list(u64::try_from(values.len()).unwrap_or(u64::MAX), largest);
    measure.weight = weight;
    Ok((Box::new(CelList::from(elements)), measure))
}

fn object<'v>(value: &'v Json, fields: &[Field], uses: &Uses, path: &str) -> Result<Converted<'v>, String> {
    let mut members: HashMap<CelMapKey<'v>, Box<dyn Val + 'v>> = HashMap::new();
    let mut measure = Measure::unit();
    for field in fields.iter().filter(|field| uses.fields.contains(field.name)) {
        let path = format!("{path}.{}", field.name);
        if let Some((member, size)) = member(value, field, uses, &path)? {
            measure.weight = measure.weight.saturating_add(size.weight).saturating_add(1);
            members.insert(CelMapKey::from(field.name), member);
            measure.fields.insert(field.name.to_owned(), size);
        }
    }
    Ok((Box::new(CelMap::from(members)), measure))
}

fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "nothing",
        Json::Bool(_) => "a bool",
        Json::Number(number) if number.is_i64() => "an int",
        Json::Number(_) => "a number that is no int of 64 bits",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}
