export { createTokens, type MintedToken, type TokenAsk, type Tokens } from './tokens.ts'
