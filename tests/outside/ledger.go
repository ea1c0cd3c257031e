// Reads a ledger and its proofs with Go's own implementation of signed notes and tiled logs, and writes a checkpoint with it.
//
//	ledger log DIRECTORY VERIFIER-KEY
//	ledger inclusion PROOF VERIFIER-KEY ENTRY
//	ledger consistency PROOF VERIFIER-KEY OLD-ROOT
//	ledger sign NAME SIZE ROOT
//
// Nothing here is taken from the program under test: what it prints and its exit code say whether another implementation
// sees the same.
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func refuse(format string, values ...interface{}) {
	must(fmt.Errorf(format, values...))
}

func file(path string) []byte {
	data, err := os.ReadFile(path)
	must(err)
	return data
}

func hash(text string) tlog.Hash {
	parsed, err := tlog.ParseHash(text)
	must(err)
	return parsed
}

// checkpoint opens a signed note and reads the tree in it.
func checkpoint(data []byte, key string) tlog.Tree {
	verifier, err := note.NewVerifier(key)
	must(err)
	opened, err := note.Open(data, note.VerifierList(verifier))
	must(err)
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		refuse("not a checkpoint of %s: %q", verifier.Name(), opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	return tlog.Tree{N: size, Hash: hash(lines[2])}
}

// path turns the path that Go gives a tile into that of C2SP tlog-tiles.
func path(tile tlog.Tile) string {
	rest := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
	return "tile/" + strings.Replace(rest, "data/", "entries/", 1)
}

// tiles reads tiles from a ledger's directory. It wants each in the very width that it asks for.
type tiles string

func (directory tiles) Height() int { return height }

func (directory tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		data, err := os.ReadFile(filepath.Join(string(directory), path(tile)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (directory tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// log reads every hash of level 0 through the tiles, which Go checks against the root, compares each with the hash of the
// entry in its bundle, and builds the root once more from the entries alone.
func log(directory, key string) {
	tree := checkpoint(file(filepath.Join(directory, "checkpoint")), key)
	reader := tlog.TileHashReader(tree, tiles(directory))
	var stored []tlog.Hash
	own := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, index := range indexes {
			found = append(found, stored[index])
		}
		return found, nil
	})
	for first := int64(0); first < tree.N; first += 1 << height {
		bundle := tlog.Tile{H: height, L: -1, N: first >> height, W: 1 << height}
		if rest := tree.N - first; rest < 1<<height {
			bundle.W = int(rest)
		}
		var indexes []int64
		for at := int64(0); at < int64(bundle.W); at++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, first+at))
		}
		hashes, err := reader.ReadHashes(indexes)
		must(err)
		data := file(filepath.Join(directory, path(bundle)))
		for at, expected := range hashes {
			if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
				refuse("%s ends within entry %d", path(bundle), first+int64(at))
			}
			length := 2 + int(binary.BigEndian.Uint16(data))
			entry := data[2:length]
			data = data[length:]
			if found := tlog.RecordHash(entry); found != expected {
				refuse("entry %d: expected %v, found %v", first+int64(at), expected, found)
			}
			more, err := tlog.StoredHashes(first+int64(at), entry, own)
			must(err)
			stored = append(stored, more...)
		}
		if len(data) > 0 {
			refuse("%s has %d bytes after its entries", path(bundle), len(data))
		}
	}
	root, err := tlog.TreeHash(tree.N, own)
	must(err)
	if root != tree.Hash {
		refuse("expected the root %v, found %v", tree.Hash, root)
	}
	fmt.Println(tree.N, root)
}

// split cuts a proof into its lines, of which the first ones are given without their names, and its checkpoint.
func split(proof []byte, names ...string) (values []string, hashes []tlog.Hash, signed []byte) {
	parts := bytes.SplitN(proof, []byte("\n\n"), 2)
	if len(parts) != 2 {
		refuse("no checkpoint in the proof")
	}
	lines := strings.Split(string(parts[0]), "\n")
	for at, name := range names {
		if at >= len(lines) || !strings.HasPrefix(lines[at], name) {
			refuse("expected a line that begins with %q", name)
		}
		values = append(values, strings.TrimPrefix(lines[at], name))
	}
	for _, line := range lines[len(names):] {
		hashes = append(hashes, hash(line))
	}
	return values, hashes, parts[1]
}

func number(text string) int64 {
	value, err := strconv.ParseInt(text, 10, 64)
	must(err)
	return value
}

func inclusion(proof, key, entry string) {
	values, hashes, signed := split(file(proof), "c2sp.org/tlog-proof@v1", "index ")
	tree := checkpoint(signed, key)
	must(tlog.CheckRecord(hashes, tree.N, tree.Hash, number(values[1]), tlog.RecordHash(file(entry))))
}

func consistency(proof, key, old string) {
	values, hashes, signed := split(file(proof), "old ")
	tree := checkpoint(signed, key)
	must(tlog.CheckTree(hashes, tree.N, tree.Hash, number(values[0]), hash(old)))
}

// sign prints a verifier key of its own making, and a checkpoint by it after that line.
func sign(name, size, root string) {
	secret, verifier, err := note.GenerateKey(rand.Reader, name)
	must(err)
	signer, err := note.NewSigner(secret)
	must(err)
	decoded, err := base64.StdEncoding.DecodeString(root)
	must(err)
	text := name + "\n" + size + "\n" + base64.StdEncoding.EncodeToString(decoded) + "\n"
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	must(err)
	fmt.Printf("%s\n%s", verifier, signed)
}

func main() {
	switch arguments := os.Args[1:]; {
	case len(arguments) == 3 && arguments[0] == "log":
		log(arguments[1], arguments[2])
	case len(arguments) == 4 && arguments[0] == "inclusion":
		inclusion(arguments[1], arguments[2], arguments[3])
	case len(arguments) == 4 && arguments[0] == "consistency":
		consistency(arguments[1], arguments[2], arguments[3])
	case len(arguments) == 4 && arguments[0] == "sign":
		sign(arguments[1], arguments[2], arguments[3])
	default:
		refuse("unknown arguments: %q", arguments)
	}
}
