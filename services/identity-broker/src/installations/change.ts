import { ReportedError } from '@onbehalf/errors'
import { recordAudit } from '@onbehalf/service-kit'
import type { Installation, Writing } from '../database.ts'
import { installationStore, installationWrites, type Spoken } from './store.ts'

/** How long the secret before goes on by default, so that callers can be changed one after the other. */
export const overlapHours = 24

type Named = Pick<Installation, 'id' | 'name'>
type Given = { name: string; secret_hash: string; spoken: readonly Spoken[] }

/** Brings an installation to what is given; one that is so already stays untouched. */
export const putInstallation = async (transaction: Writing, { name, secret_hash, spoken }: Given): Promise<void> => {
  const store = installationWrites(transaction)
  const { id, isNew } = await store.upsert(name)
  const concerned = await store.setTenants(id, spoken)
  const isRotated = await putSecret(transaction, { id, name }, secret_hash, overlapHours)
  if (isNew) return note(transaction, { id, name }, 'installation.created', concerned)
  await note(transaction, { id, name }, 'installation.updated', concerned)
  if (isRotated) await noteToAll(transaction, { id, name }, 'installation.secret_rotated')
}

/** Puts these tenants in the place of those an installation spoke for. */
export const putTenants = async (transaction: Writing, one: Named, spoken: readonly Spoken[]): Promise<void> =>
  note(transaction, one, 'installation.updated', await installationWrites(transaction).setTenants(one.id, spoken))

/** Gives an installation another secret; the one before works for `hours` more. */
export const rotateSecret = async (
  transaction: Writing,
  one: Named,
  secret_hash: string,
  hours: number
): Promise<void> => {
  await putSecret(transaction, one, secret_hash, hours)
  await noteToAll(transaction, one, 'installation.secret_rotated')
}

export const removeInstallation = async (transaction: Writing, one: Named): Promise<void> => {
  await noteToAll(transaction, one, 'installation.deleted')
  await installationWrites(transaction).delete(one.id)
}

const putSecret = async (
  transaction: Writing,
  { id, name }: Named,
  secret_hash: string,
  hours: number
): Promise<boolean> => {
  const store = installationWrites(transaction)
  if (await store.hasSecret(id, secret_hash)) return false
  const other = await installationStore(transaction).findBySecret(secret_hash)
  if (other) throw new ReportedError('conflict', `"${name}" was given the secret of "${other.name}": use another one.`)
  await store.addSecret(id, secret_hash, hours)
  return true
}

const noteToAll = async (transaction: Writing, one: Named, action: string): Promise<void> =>
  note(transaction, one, action, await installationWrites(transaction).tenantsOf(one.id))

/** An installation is of no tenant: every one it speaks, or spoke, for is told. */
const note = (transaction: Writing, { id, name }: Named, action: string, tenants: readonly string[]): Promise<void> => {
  const [actor, subject, details] = [{ kind: 'system' as const }, { kind: 'installation', id }, { name }]
  return recordAudit(transaction, ...tenants.map((tenant_id) => ({ tenant_id, actor, action, subject, details })))
}
