import type { CallContract, FeedContract } from '@onbehalf/rpc'
import { deviceChanges } from './device-auth/changes.ts'
import { resolveBearer } from './device-auth/resolve-bearer.ts'
import { identityChanges } from './identity-broker/changes.ts'
import { findUser } from './identity-broker/find-user.ts'
import { issueToken } from './identity-broker/issue-token.ts'
import { refreshOwner } from './identity-broker/refresh-owner.ts'
import { resolveApiKey } from './identity-broker/resolve-api-key.ts'
import { resolveSession } from './identity-broker/resolve-session.ts'
import { startDeviceSso } from './identity-broker/start-device-sso.ts'
import { providerChanges } from './mcp-provider/changes.ts'
import { credentialOwner } from './mcp-provider/credential-owner.ts'
import { findAuthorization } from './mcp-provider/find-authorization.ts'
import { findTool } from './mcp-provider/find-tool.ts'
import { freshCredential } from './mcp-provider/fresh-credential.ts'
import { listAudiences } from './mcp-provider/list-audiences.ts'
import { listProviders } from './mcp-provider/list-providers.ts'
import { listTools } from './mcp-provider/list-tools.ts'
import { resolveProvider } from './mcp-provider/resolve-provider.ts'
import { listBrokerKeys, listDeviceKeys, listProviderKeys } from './shared/list-keys.ts'
import { sessionMessage } from './tool-invoker/session-message.ts'

/** Everything that is said on the bus; NATS permissions are generated from these two lists. */
export const calls: readonly CallContract[] = [
  issueToken,
  resolveSession,
  resolveApiKey,
  findUser,
  refreshOwner,
  startDeviceSso,
  listBrokerKeys,
  resolveProvider,
  listProviders,
  listAudiences,
  findAuthorization,
  findTool,
  listTools,
  freshCredential,
  credentialOwner,
  listProviderKeys,
  resolveBearer,
  listDeviceKeys,
  sessionMessage
]

export const feeds: readonly FeedContract[] = [identityChanges, providerChanges, deviceChanges]
