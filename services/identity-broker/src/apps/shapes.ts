import { keyScopes, Uuid } from '@onbehalf/contracts'
import { orNull, wordOf } from '@onbehalf/service-kit'
import { type Static, Type } from '@sinclair/typebox'

const closed = { additionalProperties: false } as const
const Time = Type.String({ format: 'date-time' })
const Name = Type.String({ minLength: 1, maxLength: 64, pattern: '^(?=.*\\S)[^\\u0000-\\u001f\\u007f]*$' })
const Base64Url = Type.String({ pattern: '^[A-Za-z0-9_-]{1,128}$' })

/** A public JWK and no more: a private member is not known here. */
export const LinkKey = Type.Object(
  {
    kid: Type.String({ minLength: 1, maxLength: 128 }),
    kty: wordOf('EC', 'OKP'),
    crv: wordOf('P-256', 'Ed25519'),
    x: Base64Url,
    y: Type.Optional(Base64Url)
  },
  closed
)
const ReturnUrls = Type.Array(Type.String({ minLength: 1, maxLength: 2048 }), { maxItems: 20 })
const LinkKeys = Type.Array(LinkKey, { maxItems: 10 })

export const NewApp = Type.Object(
  { name: Name, return_urls: Type.Optional(ReturnUrls), link_keys: Type.Optional(LinkKeys) },
  closed
)
/** Left out stays. */
export const AppChange = Type.Partial(NewApp, closed)
export type AppChange = Static<typeof AppChange>

export const AppAnswer = Type.Object({
  id: Uuid,
  name: Type.String(),
  return_urls: Type.Array(Type.String()),
  link_keys: Type.Array(LinkKey),
  created_at: Time
})

const ActForWord = {
  ...wordOf('none', 'linked', 'listed', 'any'),
  description:
    "`linked`: users who are linked to the app, named by the app's own ids only; `listed` and `any`: by those, or by the ids they have here."
}
const Listed = Type.Array(Uuid, { maxItems: 1000, uniqueItems: true })

export const NewKey = Type.Object(
  {
    scopes: Type.Optional(Type.Array(wordOf(...keyScopes), { minItems: 1, uniqueItems: true })),
    act_for: Type.Optional(ActForWord),
    listed: Type.Optional(Listed),
    expires_at: Type.Optional(orNull(Time))
  },
  closed
)
export type NewKey = Static<typeof NewKey>

/** Left out stays; null is a key without an end. */
export const KeyChange = Type.Partial(Type.Pick(NewKey, ['act_for', 'listed', 'expires_at']), closed)
export type KeyChange = Static<typeof KeyChange>

const shownKey = {
  id: Uuid,
  /** Its first characters, to tell keys apart. */
  prefix: Type.String(),
  scopes: Type.Array(Type.String()),
  act_for: ActForWord,
  listed: Type.Array(Uuid),
  /** Who last said whom it acts for: a user, the bootstrap file (`system`, without an id), or nobody who is known. */
  set_by: orNull(Type.Object({ kind: wordOf('user', 'system'), id: orNull(Uuid) })),
  created_at: Time,
  /** To within a minute. */
  last_used_at: orNull(Time),
  expires_at: orNull(Time),
  revoked_at: orNull(Time)
}
export const KeyAnswer = Type.Object(shownKey)
/** The key is shown this once. */
export const CreatedKey = Type.Object({ ...shownKey, key: Type.String() })

export const AppId = Type.Object({ id: Uuid })
export const KeyId = Type.Object({ id: Uuid, key_id: Uuid })
