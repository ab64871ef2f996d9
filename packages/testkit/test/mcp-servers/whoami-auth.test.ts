import { createServer } from 'node:http'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import t from 'tap'
import { listen, stopServer } from '../../src/http/listen.ts'
import { createVerifier } from '../../src/mcp-servers/whoami-auth.ts'

const audience = 'http://127.0.0.1:9/mcp'
const tomorrow = () => Math.floor(Date.now() / 1000) + 86_400

t.test('a token is believed only if everything about it is right', async (t) => {
  const es256 = await generateKeyPair('ES256', { extractable: true })
  const rs256 = await generateKeyPair('RS256', { extractable: true })
  let isUp = false
  const server = createServer(async ({ url }, response) => {
    if (!isUp) return response.writeHead(503).end()
    const keys = [
      { ...(await exportJWK(es256.publicKey)), kid: 'e', alg: 'ES256' },
      { ...(await exportJWK(rs256.publicKey)), kid: 'r', alg: 'RS256' }
    ]
    return response.end(JSON.stringify(url === '/jwks' ? { keys } : { issuer, jwks_uri: `${issuer}/jwks` }))
  })
  const issuer: string = `http://127.0.0.1:${await listen(server)}`
  t.teardown(() => stopServer(server))
  const verify = createVerifier({ issuer, audience })

  const good: JWTPayload = { iss: issuer, aud: audience, sub: 'alice', email: 'a@example.com', exp: tomorrow() }
  const sign = (claims: JWTPayload, header: { alg?: string; typ?: string; kid?: string } = {}) => {
    const key = header.alg === 'RS256' ? rs256.privateKey : es256.privateKey
    return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'e', ...header }).sign(key)
  }

  await t.rejects(verify(await sign(good)), 'while the issuer is away nobody is believed')
  isUp = true
  t.same(await verify(await sign(good)), { subject: 'alice', email: 'a@example.com', audience, issuer })

  const { exp: _exp, ...withoutExpiry } = good
  const { sub: _sub, ...withoutSubject } = good
  const wrong = {
    'another issuer': await sign({ ...good, iss: 'https://evil.example' }),
    'another audience': await sign({ ...good, aud: `${audience}/` }),
    'several audiences': await sign({ ...good, aud: [audience, 'https://other.example'] }),
    expired: await sign({ ...good, exp: Math.floor(Date.now() / 1000) - 60 }),
    'without an end': await sign(withoutExpiry),
    'without a subject': await sign(withoutSubject),
    'another type': await sign(good, { typ: 'JWT' }),
    'another algorithm': await sign(good, { alg: 'RS256', kid: 'r' }),
    'an unknown key': await sign(good, { kid: 'x' }),
    'no signature': `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${(await sign(good)).split('.')[1]}.`
  }
  for (const [name, token] of Object.entries(wrong)) await t.rejects(verify(token), name)
})
