import { createServer } from 'node:http'

// An MCP server (2026-07-28) that lists twenty tools at once, at any path but under /slow, where it takes its time. Its first
// line of output is its origin.
const slowMs = 20_000
const tools = Array.from({ length: 20 }, (_, index) => ({
  name: `tool-${index}`,
  description: 'Does what the benchmark asks for, in the words that such descriptions have.'.repeat(2),
  inputSchema: { type: 'object', properties: { id: { type: 'string' }, limit: { type: 'integer' } }, required: ['id'] }
}))

const answerTo = (text: string): string => {
  const { id, method } = JSON.parse(text)
  const result =
    method === 'tools/list'
      ? { tools }
      : { supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, serverInfo: { name: 'quick', version: '1' } }
  return JSON.stringify({ jsonrpc: '2.0', id, result })
}

const server = createServer((request, response) => {
  let text = ''
  request.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  request.on('end', () => {
    const answer = () => response.writeHead(200, { 'content-type': 'application/json' }).end(answerTo(text))
    if (request.url?.startsWith('/slow/')) setTimeout(answer, slowMs)
    else answer()
  })
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address && typeof address === 'object') console.log(`http://127.0.0.1:${address.port}`)
})
