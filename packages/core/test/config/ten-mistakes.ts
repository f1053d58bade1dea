/** A config file in which nearly everything is wrong. */
export const TEN_MISTAKES = `shared:
  crm:
    braker: {}
defaults:
  retry: { maxAttempts: 0 }
policies:
  ledger:
    breaker:
      openMs: soon
      failureRatio: 50
      resetTimeout: 3
    budget: nobody
    timeout: 0
    colour: red
  rates:
    extends: legder
    bulkhead: { limit: "ten" }
poilcies: {}
`;
