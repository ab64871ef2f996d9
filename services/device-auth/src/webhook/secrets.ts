import type { Vault } from '@onbehalf/vault'
import type { Webhook } from './store.ts'

type Owner = Pick<Webhook, 'id' | 'tenant_id'>

const placeOf = ({ id, tenant_id }: Owner, column: 'url' | 'secret') => ({
  ...{ tenant_id, column },
  ...{ table: 'device_webhook', row: id }
})

/** As it is stored: address and secret sealed for this row alone. */
export const sealWebhook = async (
  vault: Pick<Vault, 'seal'>,
  owner: Owner,
  clear: { url: string; secret: string }
) => ({
  ...owner,
  url: await vault.seal(clear.url, placeOf(owner, 'url')),
  secret: await vault.seal(clear.secret, placeOf(owner, 'secret'))
})

export const openWebhook = async (vault: Pick<Vault, 'open'>, { url, secret, ...owner }: Webhook) => ({
  id: owner.id,
  url: await vault.open(url, placeOf(owner, 'url')),
  secret: await vault.open(secret, placeOf(owner, 'secret'))
})
