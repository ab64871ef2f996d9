export * from './client/index.ts'
export * from './token/index.ts'
