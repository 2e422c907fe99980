"""Uploads a file with tuspy: python upload.py ENDPOINT FILE SHA256 CHUNK [sum]

With sum, each chunk carries its SHA-1. The client tries again when the
connection breaks, as its users have to ask it to.
"""

import os
import sys

from tusclient import client

endpoint, path, sha256, chunk = sys.argv[1:5]
tus = client.TusClient(endpoint, headers={"PRIVATE-TOKEN": os.environ["VITRINE_TOKEN"]})
uploader = tus.uploader(
    path,
    chunk_size=int(chunk),
    metadata={"filename": "tuspy/big.bin", "sha256": sha256},
    retries=40,
    retry_delay=0.5,
    upload_checksum="sum" in sys.argv[5:],
)
uploader.upload()
print(uploader.request.response_headers["x-checksum-sha256"])
