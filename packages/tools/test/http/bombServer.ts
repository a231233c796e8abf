// A server in a process of its own: 10 GiB of zeros at /gzip, /br, /zstd and, as they are, at any other path. It tells its
// parent its port, and how many MiB it had made when a connection ended.
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { pipeline, Readable, type Transform } from "node:stream"
import { constants, createBrotliCompress, createGzip, createZstdCompress } from "node:zlib"

const mebibytes = 10 * 1024
const block = Buffer.alloc(1024 * 1024)

const encoders: ReadonlyMap<string, () => Transform> = new Map([
  ["gzip", () => createGzip({ flush: constants.Z_SYNC_FLUSH })],
  ["br", () =>
    createBrotliCompress({
      flush: constants.BROTLI_OPERATION_FLUSH,
      params: { [constants.BROTLI_PARAM_QUALITY]: 1, [constants.BROTLI_PARAM_LGWIN]: 24 }
    })],
  ["zstd", () => createZstdCompress({ flush: constants.ZSTD_e_flush })]
])

const tell = (message: number) => process.send?.(message)

const server = createServer((request, response) => {
  let made = 0
  const blocks = function*() {
    for (; made < mebibytes; made++) yield block
  }
  const encoding = request.url!.slice(1)
  const encoder = encoders.get(encoding)
  response.setHeader("content-type", "text/plain")
  if (encoder !== undefined) response.setHeader("content-encoding", encoding)
  response.once("close", () => tell(made))
  const zeros = Readable.from(blocks(), { highWaterMark: 1 })
  if (encoder === undefined) pipeline(zeros, response, () => {})
  else pipeline(zeros, encoder(), response, () => {})
})

server.listen(0, "127.0.0.1", () => tell((server.address() as AddressInfo).port))
process.once("disconnect", () => process.exit())
