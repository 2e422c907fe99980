package auth

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	"github.com/vitrine-ml/vitrine/internal/fault"
)

// newSeal makes the cipher of tickets. Its key is random and lives as long as
// the process, so that no copy of the database or of the data folder can make a
// ticket.
func newSeal() cipher.AEAD {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("auth: " + err.Error())
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("auth: " + err.Error())
	}
	return seal
}

// Ticket makes a secret that stands for a credential in one request: the one
// that what describes, such as a method and an address. It ends at until, with
// the credential's token, and with the process. note comes back when it is
// used. The ticket of no credential is empty.
func (a *Authenticator) Ticket(c Credential, what, note string, until time.Time) string {
	if c.Secret == "" {
		return ""
	}
	plain := binary.BigEndian.AppendUint64(nil, uint64(until.Unix()))
	plain = append(plain, HashSecret(c.Secret)+note...)
	return base64.RawURLEncoding.EncodeToString(a.seal.Seal(nil, nil, plain, []byte(what)))
}

// AuthenticateTicket gives the actor behind a ticket, and its note. A ticket
// that is not for this, or has ended, is fault.Unauthenticated with noun
// "ticket"; what is wrong with the token is said as by Authenticate.
func (a *Authenticator) AuthenticateTicket(ctx context.Context, ticket, what string) (Actor, string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(ticket)
	if err != nil {
		return Actor{}, "", fault.SignIn("ticket")
	}
	plain, err := a.seal.Open(nil, nil, raw, []byte(what))
	const head = 8
	if err != nil || len(plain) < head || int64(binary.BigEndian.Uint64(plain)) < a.now().Unix() {
		return Actor{}, "", fault.SignIn("ticket")
	}
	digest := string(plain[head:min(len(plain), head+hex.EncodedLen(32))])
	note := strings.TrimPrefix(string(plain[head:]), digest)
	actor, err := a.identify(ctx, digest, AnyPlace)
	return actor, note, err
}
