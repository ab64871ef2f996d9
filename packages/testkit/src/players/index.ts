export { openBusAs } from './bus.ts'
export { type DeviceToken, type PlayedDeviceAuth, playDeviceAuth } from './device-auth.ts'
export {
  type ApiKey,
  type Person,
  type PlayedIdentityBroker,
  playIdentityBroker,
  type SignedIn
} from './identity-broker.ts'
export { makeKeyPair, type PlayedKey } from './keys.ts'
export { type GivenProvider, type PlayedMcpProvider, playMcpProvider } from './mcp-provider.ts'
export { type AskedToken, type PlayedTokenIssuer, playTokenIssuer, subjectOf } from './token-issuer.ts'
