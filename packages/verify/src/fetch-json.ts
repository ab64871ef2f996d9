const timeoutMs = 5_000
const bytesMax = 256 * 1024

/** A JSON document of an issuer: no redirect is followed, and neither time nor size is without end. Throws. */
export const fetchJson = async (fetch: typeof globalThis.fetch, url: string): Promise<unknown> => {
  const response = await fetch(url, {
    headers: { accept: 'application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs)
  })
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}`)
  return JSON.parse(await readText(response, url))
}

const readText = async ({ body }: Response, url: string): Promise<string> => {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength
    if (bytes > bytesMax) throw new Error(`${url} answered more than ${bytesMax} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
