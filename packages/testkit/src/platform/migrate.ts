import { type Migrations, migrate } from '@onbehalf/service-kit'
import { inRepository } from '../servers/repository.ts'
import type { ServiceName } from '../servers/service-names.ts'

/** Brings a service's schema up to date as `node src/main.ts migrate` does, without loading the whole service for it. */
export const migrateService = async (service: ServiceName, databaseUrl: string): Promise<void> => {
  const { migrations }: { migrations: Migrations } = await import(
    inRepository(`services/${service}/migrations/index.ts`)
  )
  await migrate(databaseUrl, migrations, 'up').catch((cause: unknown) => {
    throw new Error(`the migrations of ${service} failed: ${cause instanceof Error ? cause.message : cause}`, { cause })
  })
}
