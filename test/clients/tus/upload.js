// Uploads a file with tus-js-client: node upload.js ENDPOINT FILE SHA256 [OPTION...]
// The options are names of boolean options of the client. It runs in the folder
// that scripts/setup-tests made, whose packages it takes.
const fs = require('node:fs')
const { createRequire } = require('node:module')
const tus = createRequire(`${process.cwd()}/`)('tus-js-client')

const [endpoint, path, sha256, ...on] = process.argv.slice(2)
const upload = new tus.Upload(fs.createReadStream(path), {
  endpoint,
  headers: { 'PRIVATE-TOKEN': process.env.VITRINE_TOKEN },
  metadata: { filename: 'tus-js/big.bin', sha256 },
  uploadSize: fs.statSync(path).size,
  retryDelays: Array(40).fill(500),
  ...Object.fromEntries(on.map((name) => [name, true])),
  onError(err) {
    console.error(String(err))
    process.exit(1)
  },
  onSuccess({ lastResponse }) {
    console.log(lastResponse.getHeader('X-Checksum-Sha256'))
  },
})
upload.start()
