import type {
  AxiosAdapter,
  AxiosInstance,
  AxiosPromise,
  AxiosResponse,
  InternalAxiosRequestConfig,
} from "axios";

export type GivenAdapter = InternalAxiosRequestConfig["adapter"];

/**
 * What sends a request: the adapter that it was given. A name can only be resolved by the copy of axios that the instance
 * is of, and an instance does not tell how; so a bare instance of that copy sends what has a name.
 */
export function innerAdapter(bare: AxiosInstance, given: GivenAdapter): AxiosAdapter {
  return typeof given === "function" ? given : (config) => sendBy(bare, config);
}

/** An instance of the same copy of axios that adds nothing to a request: no defaults, no interceptors. */
export function bareInstance(instance: AxiosInstance): AxiosInstance {
  const bare = instance.create();
  for (const name of Object.keys(bare.defaults)) Reflect.deleteProperty(bare.defaults, name);
  return bare;
}

/** The instance that the user knows transforms; here a body goes out, and an answer comes in, as it is. */
function sendBy(bare: AxiosInstance, config: InternalAxiosRequestConfig): AxiosPromise {
  return bare.request({ ...config, transformRequest: [], transformResponse: [] }).then(
    (response) => withConfig(response, config),
    (error: unknown) => {
      throw isObject(error) ? withConfig(error as Partial<AxiosResponse>, config) : error;
    },
  );
}

/** As the adapter itself would have given it. */
function withConfig<T extends Partial<AxiosResponse> & { response?: AxiosResponse }>(
  outcome: T,
  config: InternalAxiosRequestConfig,
): T {
  if (outcome.config !== undefined) outcome.config = config;
  if (outcome.response !== undefined) outcome.response.config = config;
  return outcome;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
