import axios from "axios";
import { circuitBreaker, retryBudget, resilient } from "@breakwater/core";
import { copyOfTask, copyOfLoop } from "./copies.mjs";
const median=v=>v.toSorted((a,b)=>a-b)[v.length>>1];
const URL="http://crm.example/orders/1";
const inst=()=>{const {task}=copyOfTask("succeeds");return axios.create({adapter: async (config)=>{void task();return { config, data: { id: 1 }, status: 200, statusText: "OK", headers: {} };}})};
const P={
 plain(){const c=inst();return ()=>c.get(URL)},
 interceptor(){const c=inst();c.interceptors.request.use((x)=>x,null,{synchronous:true});return ()=>c.get(URL)},
 closure(){const c=inst();c.interceptors.request.use((x)=>{const a=x.adapter;x.adapter=(f)=>{f.adapter=a;return a(f)};return x},null,{synchronous:true});return ()=>c.get(URL)},
 execPlain(){const c=inst();const p=resilient(circuitBreaker(),retryBudget());return ()=>p.execute(()=>c.get(URL))},
 execOpts(){const c=inst();const p=resilient(circuitBreaker(),retryBudget());const classify={error:()=>undefined,result:()=>"success"};return ()=>p.execute(()=>c.get(URL),{signal:undefined,key:"crm.example",deadlineMs:undefined,idempotent:true,maxAttempts:undefined,classify})},
 execKey(){const c=inst();const p=resilient(circuitBreaker(),retryBudget());return ()=>p.execute(()=>c.get(URL),{key:"crm.example"})},
};
const names=(process.argv[2]??Object.keys(P).join(",")).split(",");
const es=names.map(n=>({n,call:P[n](),loop:copyOfLoop("oneByOne"),ns:[]}));
for(const e of es) await e.loop(e.call,20000);
for(let r=0;r<60;r++){ for(const e of es.toSorted(()=>Math.random()-.5)){ globalThis.gc?.({type:"minor"}); let b=process.hrtime.bigint(); await e.loop(e.call,300); e.ns.push(Number(process.hrtime.bigint()-b)/300);} }
const p=es[0];
for(const e of es){ const d=e.ns.map((x,i)=>x-p.ns[i]); const q=e.ns.map((x,i)=>x/p.ns[i]); const s=e.ns.toSorted((a,b)=>a-b);
console.log(e.n.padEnd(12),"med",median(e.ns).toFixed(0),"min",s[0].toFixed(0),"ratio",median(q).toFixed(3),"diff",median(d).toFixed(0));}
