/** The page where a person authorizes a provider. */
export const connectPath = (provider_id: string): string => `/oauth/connect/${provider_id}`
