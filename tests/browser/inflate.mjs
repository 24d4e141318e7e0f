// `node inflate.mjs FROM TO ...`: Brotli, which Python's own library cannot read.
import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";

for (let at = 2; at < process.argv.length; at += 2) {
  const [from, to] = process.argv.slice(at, at + 2);
  await pipeline(createReadStream(from), createBrotliDecompress(), createWriteStream(to));
}
