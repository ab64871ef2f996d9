import type { Client } from 'pg'
import { until } from './until.ts'

// pg_locks shows those of every database of the server, so also what other test files wait for.
const waiting = `
  select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`

/**
 * Waits until so many of those connected to this client's database wait for a lock, such as one that the client holds
 * in its transaction.
 */
export const untilLocked = (client: Client, count = 1): Promise<void> =>
  until(async () => {
    // Else a transaction sees again what it saw at its first look.
    await client.query('select pg_stat_clear_snapshot()')
    const { rowCount } = await client.query(waiting)
    return (rowCount ?? 0) >= count
  }, 60)
