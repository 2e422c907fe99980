package memblob_test

import (
	"testing"

	"github.com/vitrine-ml/vitrine/internal/blob"
	"github.com/vitrine-ml/vitrine/internal/blob/blobtest"
	"github.com/vitrine-ml/vitrine/internal/blob/memblob"
)

func TestDriver(t *testing.T) {
	blobtest.Run(t, func(*testing.T) blob.Driver { return memblob.New() })
}

func BenchmarkStage(b *testing.B) {
	blobtest.Bench(b, func(*testing.B) blob.Driver { return memblob.New() })
}
