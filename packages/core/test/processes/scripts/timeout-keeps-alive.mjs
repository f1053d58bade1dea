// Nothing but an attempt's timeout holds this process: it must live to see it.
import { resilient, timeout } from "../../../dist/index.js";

void resilient(timeout(150), { name: "patient" })
  .execute(() => new Promise(() => {}))
  .catch((error) => console.log(JSON.stringify({ code: error.code })));
