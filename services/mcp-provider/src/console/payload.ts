import { Uuid } from '@onbehalf/contracts'
import { orNull } from '@onbehalf/service-kit'
import { type Static, Type } from '@sinclair/typebox'
import { Mode, NewProvider, type ProviderChange, SseReadTimeout, Timeout } from '../providers/shapes.ts'

const { name, server_url, server_identifier, icon, icon_type, icon_background, headers } = NewProvider.properties
const Credential = Type.Optional(orNull(Type.String({ maxLength: 2048 })))
const Seconds = <Schema extends typeof Timeout>(schema: Schema) => Type.Optional(orNull(schema))

// What the reference's console sends besides is ignored, as the reference does.
const payload = {
  ...{ name, server_url, server_identifier, icon, icon_type, icon_background, headers },
  configuration: Type.Optional(
    orNull(Type.Object({ timeout: Seconds(Timeout), sse_read_timeout: Seconds(SseReadTimeout) }))
  ),
  authentication: Type.Optional(orNull(Type.Object({ client_id: Credential, client_secret: Credential }))),
  identity_mode: Type.Optional(orNull(Mode))
}

export const ConsoleProvider = Type.Object(payload)
export const ConsoleChange = Type.Object({ ...payload, provider_id: Uuid })
export const ConsoleProviderId = Type.Object({ provider_id: Uuid })

type Given = Static<typeof ConsoleProvider>

/** Where the console still shows the URL masked. */
const hidden = '[__HIDDEN__]'

/** What the console sends of a provider. Null is what was left out: only an empty map of headers clears them. */
export const givenOf = ({ server_url: url, name: called, server_identifier: identifier, ...given }: Given) => ({
  ...{ name: called, server_url: url, server_identifier: identifier },
  ...present({ icon: given.icon, icon_type: given.icon_type, icon_background: given.icon_background }),
  ...present({ headers: given.headers }),
  ...(given.configuration ? { configuration: present(given.configuration) } : {}),
  ...authenticationOf(given.authentication),
  ...identityOf(given.identity_mode)
})

/** The same for one that is stored. */
export const changeOf = (given: Given): ProviderChange => {
  const { server_url: url, ...change } = givenOf(given)
  return url.includes(hidden) ? change : { ...change, server_url: url }
}

type Present<Fields> = { [Name in keyof Fields]?: NonNullable<Fields[Name]> }

const present = <Fields extends object>(fields: Fields): Present<Fields> => {
  const kept: Present<Fields> = {}
  for (const name in fields) {
    const value = fields[name]
    if (value !== undefined && value !== null) kept[name] = value
  }
  return kept
}

// The form sends empty texts where nothing was entered.
const authenticationOf = (given: Given['authentication']): Pick<ProviderChange, 'authentication'> => {
  if (!given?.client_id) return {}
  const { client_id, client_secret } = given
  return { authentication: { client_id, ...(client_secret ? { client_secret } : {}) } }
}

const identityOf = (mode: Given['identity_mode']): Pick<ProviderChange, 'forward_user_identity' | 'identity_mode'> =>
  mode ? { identity_mode: mode, forward_user_identity: mode !== 'off' } : {}
