//! The part of SARIF's schema that is read. Other fields are ignored, as the specification lets tools add to property
//! bags and as most of it describes how results are shown.

use super::super::scans::{First, List, Score, There};
use super::super::{Severity, shortened};
use serde::{Deserialize, Deserializer};

/// Reads a field whose being null differs from its being absent.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
pub(super) struct Head {
    pub(super) version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Log {
    #[serde(default, deserialize_with = "present")]
    pub(super) runs: Option<Option<List<Run>>>,
    pub(super) inline_external_properties: Option<List<Externalized>>,
}

/// What lies outside of the run: references to other files (3.15), or external properties in this one (4.3).
#[derive(Deserialize)]
pub(super) struct Externalized {
    results: Option<There>,
    invocations: Option<There>,
    driver: Option<There>,
    extensions: Option<There>,
}

impl Externalized {
    /// Whether it could change what is found or how severe it is.
    pub(super) fn decides(&self) -> bool {
        [&self.results, &self.invocations, &self.driver, &self.extensions].into_iter().any(Option::is_some)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    pub(super) tool: Tool,
    pub(super) invocations: Option<List<Invocation>>,
    pub(super) conversion: Option<Conversion>,
    pub(super) artifacts: Option<List<Artifact>>,
    pub(super) results: Option<List<Outcome>>,
    pub(super) external_property_file_references: Option<Externalized>,
}

#[derive(Deserialize)]
pub(super) struct Tool {
    pub(super) driver: Part,
    pub(super) extensions: Option<List<Part>>,
}

/// A tool component (3.19).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) guid: Option<String>,
    pub(super) version: Option<String>,
    pub(super) semantic_version: Option<String>,
    pub(super) rules: Option<List<Descriptor>>,
    pub(super) notifications: Option<List<Descriptor>>,
}

/// A rule, or a kind of notification (3.49).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) id: String,
    pub(super) guid: Option<String>,
    pub(super) default_configuration: Option<Configuration>,
    pub(super) properties: Option<Properties>,
}

#[derive(Deserialize)]
pub(super) struct Configuration {
    pub(super) enabled: Option<bool>,
    pub(super) level: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Properties {
    #[serde(rename = "security-severity")]
    security_severity: Option<Score>,
}

impl Properties {
    pub(super) fn score(&self) -> Option<Severity> {
        self.security_severity.as_ref().map(|score| score.0)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invocation {
    pub(super) execution_successful: Option<bool>,
    pub(super) start_time_utc: Option<String>,
    pub(super) end_time_utc: Option<String>,
    pub(super) process_start_failure_message: Option<String>,
    pub(super) exit_signal_name: Option<There>,
    pub(super) exit_signal_number: Option<There>,
    pub(super) tool_execution_notifications: Option<List<Notification>>,
    pub(super) tool_configuration_notifications: Option<List<Notification>>,
    pub(super) rule_configuration_overrides: Option<List<Override>>,
    pub(super) notification_configuration_overrides: Option<List<Override>>,
}

#[derive(Deserialize)]
pub(super) struct Conversion {
    pub(super) invocation: Option<Invocation>,
}

#[derive(Deserialize)]
pub(super) struct Override {
    pub(super) descriptor: DescriptorReference,
    pub(super) configuration: Configuration,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescriptorReference {
    pub(super) id: Option<String>,
    pub(super) index: Option<i64>,
    pub(super) guid: Option<String>,
    pub(super) tool_component: Option<PartReference>,
}

#[derive(Deserialize)]
pub(super) struct PartReference {
    pub(super) index: Option<i64>,
    pub(super) guid: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Notification {
    pub(super) level: Option<String>,
    pub(super) message: Option<Message>,
    pub(super) descriptor: Option<DescriptorReference>,
}

#[derive(Deserialize)]
pub(super) struct Message {
    text: Option<String>,
    id: Option<String>,
}

impl Message {
    pub(super) fn shown(&self) -> String {
        shortened(self.text.as_deref().or(self.id.as_deref()).unwrap_or_default())
    }
}

/// A result object (3.27).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome {
    pub(super) rule_id: Option<String>,
    pub(super) rule_index: Option<i64>,
    pub(super) rule: Option<DescriptorReference>,
    pub(super) kind: Option<String>,
    pub(super) level: Option<String>,
    pub(super) locations: Option<First<Location>>,
    pub(super) analysis_target: Option<ArtifactLocation>,
    pub(super) suppressions: Option<List<Suppression>>,
    pub(super) baseline_state: Option<String>,
    pub(super) provenance: Option<Provenance>,
    pub(super) properties: Option<Properties>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Provenance {
    pub(super) invocation_index: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Suppression {
    pub(super) kind: Option<String>,
    pub(super) status: Option<String>,
    pub(super) justification: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Location {
    pub(super) physical_location: Option<PhysicalLocation>,
    logical_locations: Option<First<LogicalLocation>>,
}

impl Location {
    pub(super) fn logical(&self) -> Option<&str> {
        let first = self.logical_locations.as_ref()?.0.as_ref()?;
        first.fully_qualified_name.as_deref().or(first.name.as_deref())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogicalLocation {
    name: Option<String>,
    fully_qualified_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PhysicalLocation {
    pub(super) artifact_location: Option<ArtifactLocation>,
    pub(super) region: Option<Region>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Region {
    pub(super) start_line: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct ArtifactLocation {
    pub(super) uri: Option<String>,
    pub(super) index: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Artifact {
    pub(super) location: Option<ArtifactLocation>,
    pub(super) roles: Option<List<String>>,
}
