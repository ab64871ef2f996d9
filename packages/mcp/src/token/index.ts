export { type Bearer, bearerOf } from './bearer.ts'
export { createTokens, type MintedToken, type TokenAsk, type Tokens } from './tokens.ts'
