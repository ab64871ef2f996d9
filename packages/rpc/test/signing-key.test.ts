import { exportJWK, generateKeyPair, jwtVerify } from 'jose'
import t from 'tap'
import { importSigningKey, signJwt } from '../src/index.ts'

t.test(
  'what is signed at once is what everybody else verifies, also with short numbers in the signature',
  async (t) => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
    const key = await importSigningKey({ ...(await exportJWK(privateKey)), kid: 'k' })
    let hasShort = false
    for (let number = 0; number < 1_000 || (!hasShort && number < 10_000); number += 1) {
      const token = signJwt(key, 'x+jwt', { sub: 'é', number })
      const { payload, protectedHeader } = await jwtVerify(token, publicKey, { typ: 'x+jwt', algorithms: ['ES256'] })
      if (payload.number !== number || protectedHeader.kid !== 'k') t.fail(token)
      const signature = Buffer.from(token.split('.')[2] ?? '', 'base64url')
      hasShort ||= signature[0] === 0 || signature[32] === 0
    }
    t.ok(hasShort, 'one had a number of less than 32 bytes')
  }
)
