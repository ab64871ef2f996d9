import type { Egress } from '@onbehalf/egress'
import { ReportedError } from '@onbehalf/errors'
import { matches } from '@onbehalf/rpc'
import { Type } from '@sinclair/typebox'
import type { Metadata } from '../discover.ts'
import { fetchJson } from '../json.ts'
import { algorithms } from '../verify-jwt.ts'

const Key = Type.Object({
  kty: Type.String(),
  alg: Type.Optional(Type.String()),
  use: Type.Optional(Type.String()),
  d: Type.Optional(Type.Unknown())
})
const KeySet = Type.Object({ keys: Type.Array(Key) })

/** Throws where no ID token of the IdP could be verified with what its `jwks_uri` shows. */
export const examineKeys = async (egress: Pick<Egress, 'request'>, metadata: Metadata): Promise<string> => {
  const announced = metadata.id_token_signing_alg_values_supported ?? ['RS256']
  const usable = announced.filter((alg) => algorithms.includes(alg))
  if (usable.length === 0)
    throw unusable(`ID tokens are signed with none of ${algorithms.join(', ')}, so they cannot be verified.`)
  const answer = await fetchJson(egress, metadata.jwks_uri)
  if (!matches(KeySet, answer)) throw unusable('The jwks_uri does not show a JSON Web Key Set.')
  if (answer.keys.some(({ d }) => d !== undefined)) throw unusable('The jwks_uri shows a private key.')
  const signing = answer.keys.filter(
    ({ kty, use, alg }) => kty !== 'oct' && use !== 'enc' && (alg === undefined || usable.includes(alg))
  )
  if (signing.length === 0) throw unusable(`The jwks_uri shows no key for ${usable.join(', ')}.`)
  return `Keys to verify ID tokens with: ${signing.length}, for ${usable.join(', ')}.`
}

const unusable = (message: string) => new ReportedError('upstream_error', message)
