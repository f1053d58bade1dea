declare module "pg-oldest" {
  import pg from "pg";
  export default pg;
}
