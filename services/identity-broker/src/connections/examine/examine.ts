import type { Egress } from '@onbehalf/egress'
import { usesSecret } from '../apply-change.ts'
import type { Credentials } from '../authenticate.ts'
import { checkSettings } from '../check.ts'
import {
  checkEndpoint,
  checkReachable,
  type EndpointName,
  endpointNames,
  type Metadata,
  readMetadata
} from '../discover.ts'
import type { Settings } from '../settings.ts'
import type { ConnectionChange } from '../shapes.ts'
import { examineCertificate } from './certificate.ts'
import { examineCredentials } from './credentials.ts'
import { attempt, type Finding, type Findings } from './finding.ts'
import { examineKeys } from './keys.ts'
import { readRules } from './metadata-rules.ts'

export type Examined = {
  settings: Settings
  /** What was written, to tell what does not belong to it. */
  given: ConnectionChange
  /** Where the stored credential may go; null where it may go nowhere else, undefined where none is stored. */
  boundTo: string | null | undefined
  credentials: Credentials | undefined
  callbackUrl: string
}

type Guard = Pick<Egress, 'request' | 'checkReachable'>

/** Looks at all of an IdP that can be seen without a user. Stores nothing, and tells no more than what is checked. */
export const examine = async (egress: Guard, examined: Examined): Promise<Findings> => {
  const { settings, given } = examined
  const fit = await attempt('settings', async () => {
    checkSettings(settings, given)
    return 'The settings fit together.'
  })
  const { checks, place } = await kinds[settings.kind](egress, settings)
  const { finding, quirks } = await lookAtClient(egress, examined, fit, place)
  return { checks: [fit, ...checks, ...(finding ? [finding] : [])], quirks }
}

type Looked = { checks: Finding[]; place: string | undefined }
type LookAt = (egress: Guard, settings: Settings) => Promise<Looked>

const kinds: Readonly<Record<Settings['kind'], LookAt>> = {
  saml: async (egress, { saml }) => {
    const { entry_point = '', certificates = [] } = saml ?? {}
    const entry = await attempt('entry_point', async () => {
      await checkReachable(egress, 'saml.entry_point', entry_point)
      return 'Browsers may be sent there.'
    })
    return { checks: [entry, ...certificates.map(examineCertificate)], place: undefined }
  },
  oidc: async (egress, settings) => {
    let metadata: Metadata | undefined
    const discovery = await attempt('discovery', async () => {
      metadata = await readMetadata(egress, settings.issuer)
      return 'The discovery document is there, and its issuer is the same byte for byte.'
    })
    if (!metadata) return { checks: [discovery], place: undefined }
    const told = metadata
    const endpoints = await lookAtEndpoints(egress, told)
    const keys = await attempt('keys', () => examineKeys(egress, told))
    const isCallable = endpoints.find(({ check }) => check === 'token_endpoint')?.ok
    return {
      checks: [discovery, ...endpoints, keys, ...readRules(told, settings)],
      place: isCallable ? told.token_endpoint : undefined
    }
  },
  oauth2: async (egress, settings) => {
    const checks = await lookAtEndpoints(egress, settings)
    const isCallable = checks.find(({ check }) => check === 'token_endpoint')?.ok
    return { checks, place: isCallable ? (settings.token_endpoint ?? undefined) : undefined }
  }
}

type Endpoints = { [Name in EndpointName]?: string | null | undefined }

const lookAtEndpoints = async (egress: Guard, given: Endpoints): Promise<Finding[]> => {
  const looks = endpointNames.flatMap((name) => {
    const url = given[name]
    const look = async (known: string) => {
      await checkEndpoint(egress, name, known)
      return 'It may be called.'
    }
    return url ? [attempt(name, () => look(url))] : []
  })
  return Promise.all(looks)
}

const lookAtClient = async (
  egress: Guard,
  { settings, credentials, boundTo, callbackUrl }: Examined,
  fit: Finding,
  place: string | undefined
) => {
  const unasked = (message: string) => ({ finding: { check: 'credentials', ok: false, message }, quirks: [] })
  if (!place || !fit.ok) return { finding: undefined, quirks: [] }
  if (!credentials) return unasked('Save the connection first: its key is made then, and shown at jwks_url.')
  if (boundTo !== undefined && boundTo !== place) return unasked(elsewhere(settings))
  return examineCredentials({ egress, credentials, callbackUrl }, { ...settings, token_endpoint: place })
}

const elsewhere = (settings: Settings): string =>
  usesSecret(settings)
    ? 'The token endpoint is another one than the secret was stored for: give client_secret anew.'
    : 'The token endpoint is another one than the key signs for: nothing is signed for it before that is saved.'
