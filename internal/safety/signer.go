package safety

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Fit is whether a signature is that of the certificate which comes with it.
type Fit string

// The fits. That it fits says that the owner of the certificate's key signed, and
// not that the certificate is anybody's.
const (
	Unchecked Fit = "unchecked" // it brings no certificate, or one with another kind of key
	FitsWell  Fit = "fits"
	FitsNot   Fit = "fits_not"
)

// Signer is who signed, as the signature itself says.
type Signer struct {
	Name   string // of the certificate: a mail or web address, or a common name
	Issuer string // who told the certificate's maker so, or who made it
	Key    string // hint at a public key, when there is no certificate
	Fits   Fit
}

// signer reads who signed a bundle.
func (b *bundle) signer() Signer {
	s := Signer{Key: clipName(b.Material.Key.Hint), Fits: Unchecked}
	raw := b.Material.Certificate
	if raw == nil && len(b.Material.Chain.Certificates) > 0 {
		raw = &b.Material.Chain.Certificates[0]
	}
	if raw == nil {
		return s
	}
	c, err := x509.ParseCertificate(raw.Raw)
	if err != nil {
		s.Fits = FitsNot
		return s
	}
	s.Name, s.Issuer, s.Fits = clipName(nameOf(c)), clipName(issuerOf(c)), FitsNot
	message := preAuth(b.Envelope.Type, b.Envelope.Payload)
	for _, x := range b.Envelope.Signatures {
		switch ok, known := verify(c.PublicKey, message, x.Sig); {
		case !known:
			s.Fits = Unchecked
		case ok:
			s.Fits = FitsWell
			return s
		}
	}
	return s
}

// preAuth is what is really signed: DSSE's pre-authentication encoding
// (github.com/secure-systems-lab/dsse, protocol.md).
func preAuth(kind string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload)
}

// verify checks a signature; known is false for a kind of key that is not checked.
// Model signing hashes by the size of the curve.
func verify(key any, message, sig []byte) (ok, known bool) {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		var sum []byte
		switch size := key.Curve.Params().BitSize; {
		case size <= 256:
			h := sha256.Sum256(message)
			sum = h[:]
		case size <= 384:
			h := sha512.Sum384(message)
			sum = h[:]
		default:
			h := sha512.Sum512(message)
			sum = h[:]
		}
		return ecdsa.VerifyASN1(key, sum, sig), true
	case ed25519.PublicKey:
		return ed25519.Verify(key, message, sig), true
	}
	return false, false
}

// nameOf is whom a certificate is about.
func nameOf(c *x509.Certificate) string {
	names := c.EmailAddresses
	for _, u := range c.URIs {
		names = append(names, u.String())
	}
	if len(names) == 0 {
		return c.Subject.CommonName
	}
	return strings.Join(names, ", ")
}

// The extensions in which Fulcio tells who has vouched for a name, in its present
// form and in its first: github.com/sigstore/fulcio, docs/oid-info.md.
var (
	issuerNow   = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 8}
	issuerFirst = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}
)

func issuerOf(c *x509.Certificate) string {
	first := ""
	for _, e := range c.Extensions {
		switch {
		case e.Id.Equal(issuerNow):
			if s := utf8Of(e); s != "" {
				return s
			}
		case e.Id.Equal(issuerFirst):
			first = string(e.Value)
		}
	}
	if first != "" {
		return strings.ToValidUTF8(first, "")
	}
	return c.Issuer.CommonName
}

func utf8Of(e pkix.Extension) string {
	var s string
	if _, err := asn1.UnmarshalWithParams(e.Value, &s, "utf8"); err != nil {
		return ""
	}
	return s
}

// summed checks that the one digest of the subject is that of all digests in their
// order, as the specification wants it.
func (st *statement) summed() error {
	all := sha256.New()
	for _, f := range st.Predicate.Resources {
		raw, err := hex.DecodeString(f.Digest)
		if err != nil {
			return errors.New("has a digest that is none")
		}
		all.Write(raw)
	}
	if len(st.Subject) != 1 || !strings.EqualFold(st.Subject[0].Digest[onlySHA256], hex.EncodeToString(all.Sum(nil))) {
		return errors.New("has a summary that does not fit its list of files")
	}
	return nil
}
