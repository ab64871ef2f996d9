export {
  type AnswerOf,
  type Client,
  createClient,
  type GivenTo,
  type Sent,
  type Transport,
  UnexpectedAnswer
} from './client.ts'
export type { ErrorBody, OAuthErrorBody, Operations } from './generated/operations.ts'
