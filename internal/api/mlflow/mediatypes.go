package mlflow

import (
	"net/url"
	"path"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// textNames are the extensions, and names without one, that MLflow shows as
// plain text (mlflow/utils/mime_type_utils.py).
const textNames = " txt log err cfg conf cnf cf ini properties prop hocon toml yaml yml xml json js py py3 csv tsv md rst ipynb MLmodel mlproject "

// mediaTypes are the rest, by extension: Python's own table, which MLflow asks
// (mimetypes.types_map). What a system adds to it is not here.
var mediaTypes = map[string]string{
	"3g2": "audio/3gpp2", "3gp": "audio/3gpp", "3gpp": "audio/3gpp", "3gpp2": "audio/3gpp2", "aac": "audio/aac", "adts": "audio/aac",
	"ai": "application/postscript", "aif": "audio/x-aiff", "aifc": "audio/x-aiff", "aiff": "audio/x-aiff", "ass": "audio/aac", "au": "audio/basic",
	"avi": "video/x-msvideo", "avif": "image/avif", "bat": "text/plain", "bcpio": "application/x-bcpio", "bmp": "image/bmp", "c": "text/plain",
	"cdf": "application/x-netcdf", "cpio": "application/x-cpio", "csh": "application/x-csh", "css": "text/css", "doc": "application/msword",
	"dot": "application/msword", "dvi": "application/x-dvi", "eml": "message/rfc822", "eps": "application/postscript", "etx": "text/x-setext",
	"gif": "image/gif", "gtar": "application/x-gtar", "h": "text/plain", "h5": "application/x-hdf5", "hdf": "application/x-hdf", "heic": "image/heic",
	"heif": "image/heif", "htm": "text/html", "html": "text/html", "ico": "image/vnd.microsoft.icon", "ief": "image/ief", "jpe": "image/jpeg",
	"jpeg": "image/jpeg", "jpg": "image/jpeg", "ksh": "text/plain", "latex": "application/x-latex", "loas": "audio/aac", "m1v": "video/mpeg",
	"m3u": "application/vnd.apple.mpegurl", "m3u8": "application/vnd.apple.mpegurl", "man": "application/x-troff-man", "me": "application/x-troff-me",
	"mht": "message/rfc822", "mhtml": "message/rfc822", "mif": "application/x-mif", "mjs": "application/javascript", "mov": "video/quicktime",
	"movie": "video/x-sgi-movie", "mp2": "audio/mpeg", "mp3": "audio/mpeg", "mp4": "video/mp4", "mpa": "video/mpeg", "mpe": "video/mpeg",
	"mpeg": "video/mpeg", "mpg": "video/mpeg", "ms": "application/x-troff-ms", "n3": "text/n3", "nc": "application/x-netcdf",
	"nq": "application/n-quads", "nt": "application/n-triples", "nws": "message/rfc822", "oda": "application/oda", "opus": "audio/opus",
	"p12": "application/x-pkcs12", "p7c": "application/pkcs7-mime", "pbm": "image/x-portable-bitmap", "pdf": "application/pdf",
	"pfx": "application/x-pkcs12", "pgm": "image/x-portable-graymap", "pl": "text/plain", "png": "image/png", "pnm": "image/x-portable-anymap",
	"pot": "application/vnd.ms-powerpoint", "ppa": "application/vnd.ms-powerpoint", "ppm": "image/x-portable-pixmap",
	"pps": "application/vnd.ms-powerpoint", "ppt": "application/vnd.ms-powerpoint", "ps": "application/postscript",
	"pwz": "application/vnd.ms-powerpoint", "pyc": "application/x-python-code", "pyo": "application/x-python-code", "qt": "video/quicktime",
	"ra": "audio/x-pn-realaudio", "ram": "application/x-pn-realaudio", "ras": "image/x-cmu-raster", "rdf": "application/xml", "rgb": "image/x-rgb",
	"roff": "application/x-troff", "rtx": "text/richtext", "sgm": "text/x-sgml", "sgml": "text/x-sgml", "sh": "application/x-sh",
	"shar": "application/x-shar", "snd": "audio/basic", "src": "application/x-wais-source", "srt": "text/plain", "sv4cpio": "application/x-sv4cpio",
	"sv4crc": "application/x-sv4crc", "svg": "image/svg+xml", "swf": "application/x-shockwave-flash", "t": "application/x-troff",
	"tar": "application/x-tar", "tcl": "application/x-tcl", "tex": "application/x-tex", "texi": "application/x-texinfo",
	"texinfo": "application/x-texinfo", "tif": "image/tiff", "tiff": "image/tiff", "tr": "application/x-troff", "trig": "application/trig",
	"ustar": "application/x-ustar", "vcf": "text/x-vcard", "vtt": "text/vtt", "wasm": "application/wasm", "wav": "audio/x-wav", "webm": "video/webm",
	"webmanifest": "application/manifest+json", "wiz": "application/msword", "wsdl": "application/xml", "xbm": "image/x-xbitmap",
	"xlb": "application/vnd.ms-excel", "xls": "application/vnd.ms-excel", "xpdl": "application/xml", "xpm": "image/x-xpixmap", "xsl": "application/xml",
	"xwd": "image/x-xwindowdump", "zip": "application/zip",
}

// packed are the extensions of compressed files whose type is that of what is
// in them, and the short forms of two extensions in one.
var packed = map[string]string{"gz": "", "Z": "", "bz2": "", "xz": "", "br": "", "tgz": "tar", "taz": "tar", "tz": "tar", "tbz2": "tar", "txz": "tar"}

// mediaType guesses the type of a file by its name.
func mediaType(name string) string {
	rest, ext := splitExt(name)
	if ext == "" {
		ext = name
	}
	if strings.Contains(textNames, " "+ext+" ") {
		return "text/plain"
	}
	if inner, ok := packed[ext]; ok && rest != name {
		if ext = inner; ext == "" {
			_, ext = splitExt(rest)
		}
	}
	if t, ok := mediaTypes[strings.ToLower(ext)]; ok && ext != name {
		return t
	}
	return "application/octet-stream"
}

// splitExt cuts the extension off a name; dots in front begin none.
func splitExt(name string) (rest, ext string) {
	if i := strings.LastIndexByte(name, '.'); i > 0 && strings.Trim(name[:i], ".") != "" {
		return name[:i], name[i+1:]
	}
	return name, ""
}

// attachment writes a Content-Disposition as MLflow does: the name bare where
// it is a token, and where it is not ASCII what is left of it without marks.
func attachment(p string) string {
	name := path.Base(p)
	plain := strings.Map(func(r rune) rune {
		if r >= 0x80 {
			return -1
		}
		return r
	}, norm.NFKD.String(name))
	if plain == "" {
		plain = "download"
	}
	head := "attachment; filename=" + quotedName(plain)
	if plain == name {
		return head
	}
	return head + "; filename*=UTF-8''" + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
}

// tokenMarks are the characters beside letters and digits of RFC 9110's tokens.
const tokenMarks = "!#$%&'*+-.^_`|~"

func quotedName(s string) string {
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune(tokenMarks, r) {
			return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
		}
	}
	return s
}
