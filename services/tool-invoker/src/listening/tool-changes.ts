import { type ProviderChange, providerChanges } from '@onbehalf/contracts'
import { type Bus, readFeed } from '@onbehalf/rpc'

/** Whose tools somebody wants to hear of: of one provider, or of all of the tenant. */
export type Place = { tenant_id: string; provider_id: string | undefined }

export type ToolChanges = {
  /** Calls back whenever the tools there may have changed; the function ends that. */
  hear: (place: Place, onChange: () => void) => () => void
  close: () => void
}

/** Tells who listens when catalogues change, by mcp-provider's feed. */
export const hearToolChanges = (bus: Bus): ToolChanges => {
  const listeners = new Map<() => void, Place>()
  const concerns = ({ id, tenant_id }: ProviderChange, place: Place): boolean =>
    place.provider_id === undefined ? (tenant_id ?? place.tenant_id) === place.tenant_id : id === place.provider_id
  const reader = readFeed(bus, providerChanges, {
    onChange: (change) => {
      for (const [onChange, place] of listeners) if (concerns(change, place)) onChange()
    },
    onReset: () => {
      for (const onChange of listeners.keys()) onChange()
    }
  })
  return {
    hear: (place, onChange) => {
      // One of its own for each, also where two give the same.
      const own = () => onChange()
      listeners.set(own, place)
      return () => listeners.delete(own)
    },
    close: reader.close
  }
}
