import { ReportedError } from '@onbehalf/errors'
import { faultOf, matches } from '@onbehalf/rpc'
import { type Static, type TLiteral, Type } from '@sinclair/typebox'
import { clientAuthentications, kinds, quirkNames, resourceSupports } from '../connections/vocabulary.ts'

const strict = { additionalProperties: false }
const Name = Type.String({ minLength: 1, maxLength: 64 })
const Slug = Type.String({ pattern: '^[a-z0-9-]{1,64}$' })
/** The name of an environment variable that holds the value. */
const FromEnvironment = Type.String({ pattern: '^[A-Z][A-Z0-9_]*$' })

const wordOf = <Word extends string>(words: readonly Word[]) =>
  Type.Union(words.map((word): TLiteral<Word> => Type.Literal(word)))
const Url = Type.String({ pattern: '^https?://', maxLength: 2048 })
const ClaimName = Type.String({ minLength: 1, maxLength: 256 })

const Claims = Type.Object(
  {
    subject: Type.Optional(ClaimName),
    email: Type.Optional(ClaimName),
    email_verified: Type.Optional(ClaimName),
    name: Type.Optional(ClaimName)
  },
  strict
)

const Saml = Type.Object(
  {
    idp_entity_id: Type.String({ minLength: 1, maxLength: 1024 }),
    entry_point: Type.String({ maxLength: 2048 }),
    certificates: Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 5 }),
    name_id_format: Type.Optional(ClaimName),
    email_attribute: Type.Optional(ClaimName),
    email_verified: Type.Optional(Type.Boolean()),
    name_attribute: Type.Optional(ClaimName)
  },
  strict
)

const Connection = Type.Object(
  {
    /** Part of its callback's address: PUBLIC_URL/auth/callback/<tenant's slug>/<name>. */
    name: Slug,
    kind: Type.Optional(wordOf(kinds)),
    issuer: Type.Optional(Url),
    authorization_endpoint: Type.Optional(Url),
    token_endpoint: Type.Optional(Url),
    userinfo_endpoint: Type.Optional(Url),
    revocation_endpoint: Type.Optional(Url),
    claims: Type.Optional(Claims),
    saml: Type.Optional(Saml),
    client_id: Type.Optional(Name),
    client_secret_env: Type.Optional(FromEnvironment),
    client_authentication: Type.Optional(wordOf(clientAuthentications)),
    scopes: Type.Optional(Type.String()),
    resource_support: Type.Optional(wordOf(resourceSupports)),
    rotating: Type.Optional(Type.Boolean()),
    quirks: Type.Optional(Type.Array(wordOf(quirkNames)))
  },
  strict
)

const Member = Type.Object(
  {
    connection: Name,
    subject: Type.String({ minLength: 1 }),
    email: Type.Optional(Type.String()),
    role: Type.Union([Type.Literal('owner'), Type.Literal('admin'), Type.Literal('member')])
  },
  strict
)

const App = Type.Object(
  {
    name: Name,
    api_key_env: FromEnvironment,
    act_for: Type.Union([Type.Literal('none'), Type.Literal('linked'), Type.Literal('listed'), Type.Literal('any')]),
    /** Subjects at the first connection, for `listed`. */
    listed: Type.Optional(Type.Array(Type.String()))
  },
  strict
)

const Tenant = Type.Object(
  {
    slug: Slug,
    name: Name,
    connections: Type.Array(Connection),
    members: Type.Array(Member),
    apps: Type.Optional(Type.Array(App)),
    /** E-mail domains that are theirs, by the word of whoever writes the file. */
    domains: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 253 }))),
    /** What installations may ask for beside the registered servers: https://*.tools.example.com/mcp/*. */
    audience_patterns: Type.Optional(Type.Array(Type.String({ maxLength: 2048 })))
  },
  strict
)

const Installation = Type.Object(
  {
    name: Name,
    secret_env: FromEnvironment,
    /** Slugs; with `external_id` where the installation has an id of its own for the tenant. */
    tenants: Type.Array(
      Type.Union([
        Type.String(),
        Type.Object({ slug: Type.String(), external_id: Type.String({ minLength: 1, maxLength: 64 }) }, strict)
      ])
    )
  },
  strict
)

/** What an installation begins with: tenants, how their people sign in, who owns them, and who may ask for tokens. */
export const BootstrapFile = Type.Object(
  { tenants: Type.Array(Tenant), installations: Type.Optional(Type.Array(Installation)) },
  strict
)
export type BootstrapFile = Static<typeof BootstrapFile>

/** The file's text as what it says. Throws, naming the place, when it is not as it must be. */
export const readBootstrapFile = (text: string): BootstrapFile => {
  const value = parse(text)
  if (matches(BootstrapFile, value)) return value
  const fault = faultOf(BootstrapFile, value)
  throw new ReportedError('invalid_request', `The bootstrap file is wrong at ${fault?.path || '/'}: ${fault?.message}.`)
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw new ReportedError('invalid_request', 'The bootstrap file is not JSON.')
  }
}
