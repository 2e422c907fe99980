package storetest

import (
	"context"
	"testing"

	"github.com/vitrine-ml/vitrine/internal/fault"
	"github.com/vitrine-ml/vitrine/internal/registry"
)

// byAddress: a person is found by the whole address, in whatever case.
func byAddress(_ *testing.T, b *bench) {
	u := b.user("ada")
	b.view(func(ctx context.Context, tx registry.Tx) error {
		got, err := tx.UserByEmail(ctx, "ADA@x.ORG")
		b.same([]any{got.ID, err}, []any{u.ID, nil})
		for _, none := range []string{"ada", "ada@x", "", "ada@x.org "} {
			_, err := tx.UserByEmail(ctx, none)
			b.want(err, fault.NotFound)
		}
		return nil
	})
}
