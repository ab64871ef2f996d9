import type { Domain } from '../database.ts'

/** What a tenant sets in its DNS to show that a domain is theirs. */
export const recordOf = ({ name, token }: Pick<Domain, 'name' | 'token'>) => ({
  type: 'TXT' as const,
  name: `_onbehalf.${name}`,
  value: `onbehalf-domain-verification=${token}`
})
