import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'

// An IdP that answers at once and rotates whatever refresh token it is shown. Its access tokens end so soon that nobody
// keeps them, but for a resource that ends in /kept. Its first line of output is its issuer. It reads HTTP by hand: it
// shares a core with all the other servers, and Node's own server would take as much of it as Postgres does.
const lifeSecondsOf = (resource: string) => (resource.endsWith('/kept') ? 3600 : 20)

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const header = encode({ alg: 'none', typ: 'at+jwt' })

// As long as random bytes would be, and different each time.
const run = randomBytes(24).toString('base64url')
let answered = 0
const nextId = (): string => {
  answered += 1
  return `${run}${answered.toString(36).padStart(8, '0')}`
}

const tokensFor = (form: URLSearchParams, issuer: string): string => {
  // The subject is the refresh token's first part.
  const sub = form.get('refresh_token')?.split('.')[0] ?? ''
  const iat = Math.floor(Date.now() / 1000)
  const aud = form.get('resource') ?? ''
  const lifeSeconds = lifeSecondsOf(aud)
  const claims = { iss: issuer, sub, aud, iat, exp: iat + lifeSeconds, jti: nextId() }
  return JSON.stringify({
    access_token: `${header}.${encode(claims)}.AAAA`,
    token_type: 'Bearer',
    expires_in: lifeSeconds,
    refresh_token: `${sub}.${nextId()}`
  })
}

const metadataOf = (issuer: string): string => {
  const endpoint = (name: string) => ({ [`${name}_endpoint`]: `${issuer}/${name}` })
  return JSON.stringify({ issuer, jwks_uri: `${issuer}/jwks`, ...endpoint('token'), ...endpoint('authorization') })
}

const headEnd = '\r\n\r\n'

/** The answer to a request that is whole; undefined while more of it has to come. */
const answerTo = (request: string): string | undefined => {
  const end = request.indexOf(headEnd)
  if (end < 0) return undefined
  const head = request.slice(0, end)
  const form = request.slice(end + headEnd.length)
  const [, host = ''] = /^host: *(.*)$/im.exec(head) ?? []
  const [, length = '0'] = /^content-length: *(\d+)$/im.exec(head) ?? []
  if (form.length < Number(length)) return undefined
  const issuer = `http://${host.trim()}`
  const body = head.startsWith('POST') ? tokensFor(new URLSearchParams(form), issuer) : metadataOf(issuer)
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}${headEnd}${body}`
}

const server = createServer({ noDelay: true }, (socket) => {
  let request = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    request += chunk
    const answer = answerTo(request)
    if (answer === undefined) return
    request = ''
    socket.write(answer, 'latin1')
  })
  socket.on('error', () => {})
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address && typeof address === 'object') console.log(`http://127.0.0.1:${address.port}`)
})
