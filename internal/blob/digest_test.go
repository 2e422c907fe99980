package blob_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/fault"
)

func TestDigestForms(t *testing.T) {
	sum := sha256.Sum256([]byte("abc"))
	d := blob.SumDigest(sum[:])
	if want := hex.EncodeToString(sum[:]); d.Hex() != want || string(d) != "sha256:"+want {
		t.Errorf("digest %q, hex %q, want %s", d, d.Hex(), want)
	}
	if got, want := d.Base64(), base64.StdEncoding.EncodeToString(sum[:]); got != want {
		t.Errorf("Base64 = %q, want %q", got, want)
	}
	for _, bad := range []blob.Digest{"", "sha256:", "sha256:xy"} {
		if got := bad.Base64(); got != "" {
			t.Errorf("Base64 of %q = %q", bad, got)
		}
	}
}

func FuzzParseDigest(f *testing.F) {
	good := strings.Repeat("0123456789abcDEF", 4)
	for _, s := range []string{"", "sha256:", good, "sha256:" + good, "SHA256:" + good, good[1:], good + "0",
		"sha256:" + good[:61] + "/..", strings.Repeat("../", 21) + "x", "sha256:sha256:" + good[:57]} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := blob.ParseDigest(s)
		if err != nil {
			if d != "" || !fault.Is(err, fault.Invalid) {
				t.Fatalf("ParseDigest(%q) = %q, %v", s, d, err)
			}
			return
		}
		if want := strings.ToLower(strings.TrimPrefix(s, "sha256:")); d.Hex() != want {
			t.Fatalf("ParseDigest(%q) = %q, want hex %q", s, d, want)
		}
		raw, err := hex.DecodeString(d.Hex())
		if err != nil || blob.SumDigest(raw) != d {
			t.Fatalf("%q does not survive the way through its bytes (%v)", d, err)
		}
		for _, again := range []string{string(d), d.Hex()} {
			if got, err := blob.ParseDigest(again); err != nil || got != d {
				t.Fatalf("ParseDigest(%q) = %q, %v, want %q", again, got, err, d)
			}
		}
	})
}
