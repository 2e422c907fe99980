package gitlab

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/httpx"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// The words of the tus protocol, version 1.0.0 (tus.io/protocols/resumable-upload).
const (
	tusVersion    = "1.0.0"
	tusExtensions = "creation,creation-with-upload,termination,checksum,expiration"
	offsetStream  = "application/offset+octet-stream"

	// statusChecksumMismatch is the protocol's own status.
	statusChecksumMismatch = 460
)

// checksums are the algorithms of Upload-Checksum; the protocol asks for sha1.
var checksums = map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}

func checksumNames() []string { return slices.Sorted(maps.Keys(checksums)) }

// protocolError reports a request that is none of this protocol, or of another
// version of it; noun tells the status, see spellTus.
func protocolError(noun, msg string) error {
	return &fault.Error{Kind: fault.Invalid, Noun: noun, Msg: msg}
}

// checkVersion: all requests but OPTIONS name the version. GET is not part of
// the protocol.
func checkVersion(r *http.Request) error {
	if r.Method == http.MethodOptions || r.Method == http.MethodGet || r.Header.Get("Tus-Resumable") == tusVersion {
		return nil
	}
	return protocolError("protocol", "send the header Tus-Resumable: "+tusVersion)
}

func checkContentType(r *http.Request) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == offsetStream {
		return nil
	}
	return protocolError("content type", "send the bytes with Content-Type: "+offsetStream)
}

// overridden gives a POST the method that its client could not send.
func overridden(r *http.Request) *http.Request {
	m := strings.ToUpper(r.Header.Get("X-Http-Method-Override"))
	if r.Method != http.MethodPost || m != http.MethodPatch && m != http.MethodDelete && m != http.MethodHead {
		return r
	}
	r = r.WithContext(r.Context()) // a copy, as the caller's is not ours to change
	r.Method = m
	return r
}

// count reads a header that is a number of bytes.
func count(h http.Header, name string) (int64, error) {
	v := h.Get(name)
	if v == "" {
		return 0, badParam(name, httpx.MsgMissing)
	}
	n, err := strconv.ParseUint(v, 10, 63)
	if err != nil {
		return 0, badParam(name, "is invalid: it is a number of bytes, 0 or more")
	}
	return int64(n), nil
}

// checksum reads what the bytes of a request have to be; nil for no demand.
func checksum(h http.Header) (*blob.Check, error) {
	v := h.Get("Upload-Checksum")
	if v == "" {
		return nil, nil
	}
	name, sum, _ := strings.Cut(v, " ")
	algorithm, known := checksums[name]
	if !known {
		return nil, badParam("Upload-Checksum", "is invalid: the algorithms are "+strings.Join(checksumNames(), ", "))
	}
	check := &blob.Check{Hash: algorithm()}
	var err error
	if check.Sum, err = base64.StdEncoding.DecodeString(sum); err != nil || len(check.Sum) != check.Hash.Size() {
		return nil, badParam("Upload-Checksum", "is invalid: it is an algorithm, a blank, and the sum in Base64")
	}
	return check, nil
}

// creation reads what goes with an upload that begins, and the name that its
// metadata have for the file.
func creation(r *http.Request) (o registry.UploadOptions, name string, err error) {
	if r.Header.Get("Upload-Defer-Length") != "" {
		return o, "", badParam("Upload-Defer-Length", "is not offered: send Upload-Length")
	}
	size, err := count(r.Header, "Upload-Length")
	if err != nil {
		return o, "", err
	}
	if o.PutOptions, err = putOptions(r); err != nil {
		return o, "", err
	}
	o.Size, o.Note = size, r.Header.Get("Upload-Metadata")
	meta, err := metadata(o.Note)
	if err != nil {
		return o, "", err
	}
	if sum := meta["sha256"]; sum != "" {
		d, err := parseSHA256(sum)
		if err != nil || o.Expect != "" && o.Expect != d {
			return o, "", badParam("Upload-Metadata", "is invalid: sha256 is 64 hexadecimal digits, the same as in other headers")
		}
		o.Expect = d
	}
	return o, meta["filename"], nil
}

func parseSHA256(s string) (blob.Digest, error) {
	d, err := blob.ParseDigest(s)
	if err != nil {
		return "", badParam("sha256", "is invalid: it is 64 hexadecimal digits")
	}
	return d, nil
}

// metadata reads "key base64,key base64"; a value may be missing.
func metadata(s string) (map[string]string, error) {
	out := map[string]string{}
	if s == "" {
		return out, nil
	}
	for pair := range strings.SplitSeq(s, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(pair), " ")
		raw, err := base64.StdEncoding.DecodeString(value)
		_, twice := out[key]
		if err != nil || twice || !metadataKey(key) {
			return nil, badParam("Upload-Metadata", "is invalid: it has pairs of a key and a value in Base64, separated by commas, each key once")
		}
		out[key] = string(raw)
	}
	return out, nil
}

// metadataKey reports whether a key is printable ASCII without blank and comma.
func metadataKey(k string) bool {
	for i := range len(k) {
		if k[i] <= ' ' || k[i] >= 0x7f || k[i] == ',' {
			return false
		}
	}
	return k != ""
}

// spellTus gives status and body of an error as the protocol has them, and as
// the rest of this dialect where it does not say.
func spellTus(err error) (int, map[string]any) {
	e, ok := fault.As(err)
	if !ok {
		return spell(err)
	}
	say := func(status int, name string) (int, map[string]any) {
		return status, message(strconv.Itoa(status) + " " + name + " - " + e.Msg)
	}
	switch {
	case e.Kind == fault.TooLarge:
		return http.StatusRequestEntityTooLarge, message("413 Request Entity Too Large - " + sentence(e))
	case e.Kind == fault.Busy && e.Noun == "upload":
		return say(http.StatusLocked, "Locked")
	case e.Kind == fault.NotFound && e.Noun == "expired upload":
		return http.StatusGone, message("410 Gone - the upload has expired; begin a new one")
	case e.Kind != fault.Invalid:
	case e.Noun == "checksum":
		return say(statusChecksumMismatch, "Checksum Mismatch")
	case e.Noun == "protocol":
		return say(http.StatusPreconditionFailed, "Precondition Failed")
	case e.Noun == "content type":
		return say(http.StatusUnsupportedMediaType, "Unsupported Media Type")
	}
	return spell(err)
}
