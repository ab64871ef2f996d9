export { calls, feeds } from './all.ts'
export { DeviceChange, deviceChanges } from './device-auth/changes.ts'
export { resolveBearer } from './device-auth/resolve-bearer.ts'
export { IdentityChange, identityChanges } from './identity-broker/changes.ts'
export { findUser } from './identity-broker/find-user.ts'
export { issueToken } from './identity-broker/issue-token.ts'
export { refreshOwner } from './identity-broker/refresh-owner.ts'
export { resolveApiKey } from './identity-broker/resolve-api-key.ts'
export { resolveSession } from './identity-broker/resolve-session.ts'
export {
  type DeviceSsoState,
  deviceSsoState,
  type ExternalSubject,
  externalSubjectAssertion,
  startDeviceSso
} from './identity-broker/start-device-sso.ts'
export { ProviderChange, providerChanges } from './mcp-provider/changes.ts'
export { credentialOwner } from './mcp-provider/credential-owner.ts'
export { findAuthorization, ProviderAuthorization } from './mcp-provider/find-authorization.ts'
export { FoundTool, findTool } from './mcp-provider/find-tool.ts'
export { FreshCredential, freshCredential } from './mcp-provider/fresh-credential.ts'
export { listAudiences } from './mcp-provider/list-audiences.ts'
export { listProviders } from './mcp-provider/list-providers.ts'
export { CatalogueTool, ListedTool, listTools, ToolDecoration, toolsPerPageMax } from './mcp-provider/list-tools.ts'
export {
  ProviderSettings,
  ProviderStatement,
  providerTicket,
  resolveProvider
} from './mcp-provider/resolve-provider.ts'
export { type BusPermissions, permissionsOf } from './permissions.ts'
export { listBrokerKeys, listDeviceKeys, listProviderKeys } from './shared/list-keys.ts'
export {
  AppPrincipal,
  isExternal,
  Principal,
  principalTicket,
  ResolvedPrincipal,
  Ticket,
  UserPrincipal
} from './shared/principal.ts'
export {
  CallBinding,
  CredentialHash,
  defaultKeyScopes,
  ExternalId,
  type ForwardingMode,
  IdentityMode,
  type KeyScope,
  keyScopes,
  ModeName,
  Role,
  ServerIdentifier,
  type ServiceName,
  serviceNames,
  UnixSeconds,
  Uuid
} from './shared/vocabulary.ts'
export { sessionMessage } from './tool-invoker/session-message.ts'
