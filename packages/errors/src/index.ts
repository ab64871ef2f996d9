export { type ErrorCode, isErrorCode, statusByCode } from './codes.ts'
export { type ErrorDetail, type ErrorExtras, ReportedError, toReported } from './reported-error.ts'
