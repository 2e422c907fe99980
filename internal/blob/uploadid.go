package blob

import "github.com/vitrine-ml/vitrine/internal/fault"

// maxUploadID leaves room for what a driver adds to make a file name of it.
const maxUploadID = 128

// CheckUploadID reports an upload id that [Driver.Begin] must not accept: it
// has 1 to 128 letters, digits, "-" and "_". The error is fault.Invalid.
func CheckUploadID(id string) error {
	if id == "" || len(id) > maxUploadID {
		return fault.Invalidf("upload", "must have 1 to %d characters", maxUploadID)
	}
	for _, c := range []byte(id) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '_' {
			return fault.Invalidf("upload", "may only have letters, digits, - and _")
		}
	}
	return nil
}
