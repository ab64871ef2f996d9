import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'

// An IdP that answers at once and rotates whatever refresh token it is shown. Its access tokens end so soon that nobody
// keeps them, but for a resource that ends in /kept. Its first line of output is its issuer.
const lifeSecondsOf = (resource: string) => (resource.endsWith('/kept') ? 3600 : 20)

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const header = encode({ alg: 'none', typ: 'at+jwt' })

const answerTo = (form: URLSearchParams, issuer: string): string => {
  // The subject is the refresh token's first part.
  const sub = form.get('refresh_token')?.split('.')[0] ?? ''
  const iat = Math.floor(Date.now() / 1000)
  const aud = form.get('resource') ?? ''
  const lifeSeconds = lifeSecondsOf(aud)
  const claims = { iss: issuer, sub, aud, iat, exp: iat + lifeSeconds, jti: randomBytes(9).toString('base64url') }
  return JSON.stringify({
    access_token: `${header}.${encode(claims)}.AAAA`,
    token_type: 'Bearer',
    expires_in: lifeSeconds,
    refresh_token: `${sub}.${randomBytes(32).toString('base64url')}`
  })
}

const server = createServer((request, response) => {
  const issuer = `http://${request.headers.host}`
  response.setHeader('content-type', 'application/json')
  if (request.method !== 'POST') {
    const endpoint = (name: string) => ({ [`${name}_endpoint`]: `${issuer}/${name}` })
    response.end(
      JSON.stringify({ issuer, jwks_uri: `${issuer}/jwks`, ...endpoint('token'), ...endpoint('authorization') })
    )
    return
  }
  let body = ''
  request.setEncoding('latin1').on('data', (chunk: string) => {
    body += chunk
  })
  request.on('end', () => response.end(answerTo(new URLSearchParams(body), issuer)))
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address && typeof address === 'object') console.log(`http://127.0.0.1:${address.port}`)
})
