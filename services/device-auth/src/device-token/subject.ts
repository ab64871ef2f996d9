import type { FoundUser } from '../users/find.ts'
import { kinds } from './kinds.ts'

/** Whose token it is, in the reference's words; `subject_issuer` is that of an external user's IdP. */
export const describeSubject = (found: FoundUser, subject_issuer: string | undefined) =>
  subject_issuer === undefined ? accountOf(found) : externalOf(found, subject_issuer)

const accountOf = ({ user, tenant, role }: FoundUser) => ({
  subject_type: kinds.dfoa_.subject_type,
  account: user,
  workspaces: role ? [{ ...tenant, role }] : [],
  default_workspace_id: tenant.id
})

const externalOf = ({ user }: FoundUser, subject_issuer: string) => ({
  subject_type: kinds.dfoe_.subject_type,
  account: null,
  workspaces: [],
  default_workspace_id: null,
  subject_email: user.email,
  subject_issuer
})
