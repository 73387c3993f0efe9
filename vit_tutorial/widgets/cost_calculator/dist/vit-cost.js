(()=>{var le={sgd:1,adam:2,adamw:2,muon:1},X=t=>Object.values(t).reduce((e,i)=>e+i,0),N={tiny:{embed_dim:192,depth:12,num_heads:3},small:{embed_dim:384,depth:12,num_heads:6},base:{embed_dim:768,depth:12,num_heads:12},large:{embed_dim:1024,depth:24,num_heads:16}};function H({embed_dim:t,num_heads:e,img_size:i,patch_size:n}){return t%e?`Width ${t} is not divisible by ${e} heads.`:i%n?`${i} pixels are not divisible by patches of ${n}.`:""}function V(t){let{embed_dim:e,depth:i,num_heads:n,batch_size:s,patch_size:d}=t,w=3,y=1e3,l=t.precision==="bf16",g=t.attention==="explicit",c=l?2:4,m=Math.trunc(e*t.mlp_ratio),k=(t.img_size/d)**2,b=k+1,f=s*b,B=w*t.img_size**2,q=w*d**2,$=i*(4*e*e+2*e*m),A={embedding:e*(q+1)+(1+b)*e,attention:i*(4*e*e+4*e),"feed-forward":i*(2*e*m+m+e),norms:i*4*e+2*e,head:(e+1)*y},z=X(A),_=t.optimizer==="muon"?$+2*(z-$):le[t.optimizer]*z,C=$+e*q+e*y,O={embedding:2*s*2*k*e*q,"linear maps":3*s*i*b*(8*e*e+4*e*m),attention:3*s*i*4*b*b*e,head:3*s*2*e*y},M={"norms' inputs":i*f*(2*e+4)*4,"maps' inputs":i*f*2*e*c,attention:i*f*4*e*c,"feed-forward":i*f*2*m*c,"attention, N x N":i*f*n*(g?b*c:4),"last norm and logits":f*e*4+(l?s*e*2:f*e*4)+8*f+s*y*4};l&&(M["bf16 copies"]=(C+s*B)*2);let I=f*(e*4+m*c),u=f*(e*4+(e+2*m)*c),E=g?Math.max(I,f*(e*4+2*n*b*c)-u):I,x={weights:4*z,gradients:4*z,optimiser:4*_,activations:X(M),workspace:E,images:s*B*4},D=x.weights+x.optimiser+x.workspace+x.images+Math.max(x.activations,x.gradients),U=f*(e*(4+c)+2*m*c),Z=g?f*(e*(4+4*c)+2*n*b*c):0,o=x.weights+(l?C*2:0)+x.images+Math.max(U,Z),r=f*i*(e*22*4+(11*e+6*m)*c+(g?9*n*b*c:0))+4*(3*z+2*_),h=t.tflops*1e12,j={"linear maps":(X(O)-O.attention)/h,attention:O.attention/h,elementwise:r/(t.bandwidth*1e9)};return{tokens:b,parameters:z,flops:O,saved:M,memory:x,peak:D,inference:o,seconds:j}}function a(t,e={},...i){let n=document.createElement(t);for(let[s,d]of Object.entries(e))s.startsWith("on")?n.addEventListener(s.slice(2),d):d!=null&&d!==!1&&n.setAttribute(s,d===!0?"":d);return n.append(...i.flat().filter(s=>s!=null)),n}function v(t,...e){let i=e.flat();if(i.every(n=>typeof n=="string")){let n=i.join("");(t.textContent!==n||t.childElementCount)&&(t.textContent=n)}else t.replaceChildren(...i)}var ce=0;function T(t,e,i,n=""){let s=`vt-group-${ce++}`,d=e.map(([l])=>a("input",{type:"radio",name:s,value:l,onchange:()=>i(l)})),w=e.map(([,l,g],c)=>a("label",{title:g},d[c],a("span",{},l)));return{node:a("div",{class:`segmented ${n}`,role:"radiogroup","aria-label":t},w),inputs:d,set(l){for(let g of d)g.checked=g.value===String(l)}}}var ie=`/* What the figures look like that run a model: colours, controls, a picture cut into patches. They live in a shadow root, so plain names are safe;
   colours come from the book's page, from JupyterLab, or from here. */

:host {
  --ink: var(--vt-ink, var(--jp-ui-font-color1, #1d2129));
  --muted: var(--vt-muted, color-mix(in srgb, var(--ink) 72%, var(--paper)));
  --paper: var(--vt-paper, var(--jp-layout-color0, #fff));
  --tint: var(--vt-tint, var(--jp-layout-color2, #f5f6f8));
  --line: var(--vt-line, var(--jp-border-color1, #d9dde3));
  --accent: var(--vt-accent, var(--jp-brand-color1, #00629b));
  --warn: var(--vt-warn, color-mix(in srgb, #d05a00 70%, var(--ink)));
  --ok: var(--vt-ok, color-mix(in srgb, #00855d 70%, var(--ink)));
  display: block; margin-bottom: 0.6rem; container-type: inline-size; color: var(--ink); text-align: left;
  font: 400 14px/1.45 var(--vt-sans, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif);
}
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
.figure { border: 1px solid var(--line); border-radius: 10px; background: var(--paper); padding: 16px; display: grid; gap: 14px; grid-template-columns: minmax(0, 1fr); position: relative; }
.figure.dropping { outline: 3px dashed var(--accent); outline-offset: -6px; }
p, ul { margin: 0; padding: 0; }
/* titles are no headings: the figure stands inside a section of text */
.title { font-size: 14px; font-weight: 600; line-height: 1.3; }
.subtitle { font-size: 13px; font-weight: 600; margin-bottom: 6px; }
.sub, .note, .hint { color: var(--muted); font-size: 12.5px; }
.sub { min-height: 1.45em; overflow: hidden; text-overflow: ellipsis; }
var { font-family: Georgia, serif; font-style: italic; }
code { font: 12.5px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; background: var(--tint); border-radius: 3px; padding: 1px 4px; }

/* ---- controls ---- */
button, .button { font: inherit; color: var(--ink); background: transparent; border: 1px solid var(--line); border-radius: 6px; padding: 4px 11px; min-height: 32px; cursor: pointer; white-space: nowrap; }
button:hover:not(:disabled), .button:hover { background: var(--tint); }
button:disabled { color: var(--muted); cursor: default; opacity: 0.75; }
button.primary { background: var(--accent); border-color: var(--accent); color: var(--paper); font-weight: 600; }
button.primary:hover:not(:disabled) { background: color-mix(in srgb, var(--accent) 88%, var(--ink)); }
button.primary:disabled { background: transparent; border-color: var(--line); color: var(--muted); font-weight: 400; }
.buttons { display: flex; flex-wrap: wrap; gap: 6px; align-items: center; }
.small button { font-size: 13px; padding: 2px 9px; min-height: 28px; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
:focus:not(:focus-visible), .reveal:focus { outline: none; }

.segmented { display: inline-flex; border: 1px solid var(--line); border-radius: 7px; padding: 2px; gap: 2px; background: var(--tint); justify-self: start; max-width: 100%; }
.segmented label { position: relative; display: flex; cursor: pointer; min-width: 0; }
.segmented input { position: absolute; inset: 0; opacity: 0; margin: 0; cursor: pointer; width: 100%; height: 100%; }
.segmented span { padding: 3px 10px; border-radius: 5px; white-space: nowrap; color: var(--muted); overflow: hidden; text-overflow: ellipsis; }
.segmented label:hover span { color: var(--ink); }
.segmented input:checked + span { background: var(--paper); color: var(--ink); font-weight: 600; box-shadow: 0 0 0 1px var(--line); }
.segmented input:focus-visible + span { outline: 3px solid var(--accent); outline-offset: 1px; }

.slider { display: grid; grid-template-columns: auto minmax(60px, 1fr) 3.1em; gap: 10px; align-items: center; }
.slider output { font-variant-numeric: tabular-nums; }
.slider.off input { opacity: 0.45; }
input[type="range"] { appearance: none; width: 100%; height: 28px; margin: 0; background: transparent; cursor: pointer; touch-action: pan-y; }
input[type="range"]::-webkit-slider-runnable-track { height: 4px; border-radius: 2px; background: linear-gradient(90deg, var(--accent) var(--filled, 0%), color-mix(in srgb, var(--muted) 55%, transparent) var(--filled, 0%)); }
input[type="range"]::-moz-range-track { height: 4px; border-radius: 2px; background: linear-gradient(90deg, var(--accent) var(--filled, 0%), color-mix(in srgb, var(--muted) 55%, transparent) var(--filled, 0%)); }
input[type="range"]::-webkit-slider-thumb { appearance: none; width: 18px; height: 18px; margin-top: -7px; border-radius: 50%; background: var(--paper); border: 2px solid var(--accent); }
input[type="range"]::-moz-range-thumb { width: 14px; height: 14px; border-radius: 50%; background: var(--paper); border: 2px solid var(--accent); }

.switch { display: inline-flex; gap: 8px; align-items: center; cursor: pointer; min-height: 28px; }
.switch input { appearance: none; flex: none; width: 32px; height: 18px; margin: 0; border-radius: 9px; border: 1px solid var(--muted); background: transparent; position: relative; cursor: pointer; }
.switch input::after { content: ""; position: absolute; left: 2px; top: 2px; width: 12px; height: 12px; border-radius: 50%; background: var(--muted); transition: transform 0.12s; }
.switch input:checked { background: var(--accent); border-color: var(--accent); }
.switch input:checked::after { background: var(--paper); transform: translateX(14px); }

/* ---- parts that several figures have ---- */
.top { display: flex; flex-wrap: wrap; gap: 10px; justify-content: space-between; align-items: center; }
.menu button { border-color: transparent; color: var(--muted); }
.menu button:hover { color: var(--ink); }
.thumbs { display: flex; gap: 5px; overflow-x: auto; padding: 4px; margin: -4px; scrollbar-width: thin; min-width: 0; }
.thumb { flex: none; padding: 0; border: 0; width: 36px; height: 36px; min-height: 0; border-radius: 5px; overflow: hidden; opacity: 0.72; }
.thumb img { width: 100%; height: 100%; display: block; object-fit: cover; }
.thumb:hover, .thumb[aria-pressed="true"] { opacity: 1; }
.thumb[aria-pressed="true"] { outline: 2px solid var(--accent); outline-offset: 2px; }
.thumb:focus-visible { outline-width: 3px; opacity: 1; }
.photo { flex: none; position: relative; margin-left: auto; }
.photo .file { position: absolute; inset: 0; opacity: 0; width: 100%; height: 100%; cursor: pointer; font-size: 0; }
.photo:focus-within { outline: 3px solid var(--accent); outline-offset: 2px; }
.board { display: grid; gap: 6px; }
.square { position: relative; display: flex; flex-direction: column; border-radius: 4px; overflow: hidden; cursor: crosshair; touch-action: pan-y; user-select: none; -webkit-user-select: none; }
.square canvas { position: absolute; inset: 0; width: 100%; height: 100%; image-rendering: pixelated; }
.board[data-tool="hide"] .square, .board[data-tool="move"] .square, .board[data-tool="draw"] .square { touch-action: none; }
.board[data-tool="move"] .square { cursor: grab; }
.line { position: relative; flex: 1; display: grid; grid-template-columns: repeat(var(--columns), 1fr); min-height: 0; }
.cell { position: relative; box-shadow: inset 0 0 0 0.5px rgb(128 128 128 / 0.5); }
.cell.is-query::after, .cell.is-key::after, .cell.is-held::after, .cell.is-over::after { content: ""; position: absolute; inset: 0; border: 2.5px solid #fff; outline: 1.5px solid #000; outline-offset: -4px; border-radius: 2px; box-shadow: 0 0 0 1.5px #000; z-index: 1; }
.cell.is-key::after { border-color: #ff8a3d; }
.cell.is-held::after { border-color: #ffd54a; }
.cell.is-over::after { border-style: dashed; }
.cell:focus-visible { outline: 3px solid #5cc8ff; outline-offset: -3px; box-shadow: inset 0 0 0 5px #00344f; z-index: 2; }
.pen { position: absolute; width: 10px; height: 10px; margin: -5px; border-radius: 50%; border: 2px solid #ff8a3d; pointer-events: none; }
.pen.down { background: #ff8a3d; }
.tool-bar { display: flex; flex-wrap: wrap; gap: 6px 10px; align-items: center; min-height: 34px; }
.tool-bar .buttons:empty { display: none; }
.tools span { padding: 2px 8px; font-size: 13px; }
.readout { min-height: 2.9em; }
.spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.alarm { border-left: 3px solid var(--warn); background: var(--tint); padding: 8px 12px; border-radius: 0 6px 6px 0; overflow-wrap: anywhere; }
@media (prefers-reduced-motion: reduce) { *, *::before, *::after { transition: none !important; animation: none !important; } }
`;var me=(t,e)=>t===e||JSON.stringify(t)===JSON.stringify(e);function ne(t,e){let i=e(t),n=[];return{get state(){return i},listen(s){n.push(s)},set(s,d){let w=e({...i,...s}),y=new Set(Object.keys(w).filter(l=>!me(w[l],i[l])));if(y.size){i=w;for(let l of n)l(i,y,d)}}}}var re=`/* The cost calculator's own look, after look.css. */

.row { display: flex; flex-wrap: wrap; gap: 6px 12px; align-items: center; }
.row .name { color: var(--muted); font-size: 13px; min-width: 4.5em; }
.choices { display: flex; flex-wrap: wrap; gap: 8px 24px; }
.fields { display: grid; align-items: end; grid-template-columns: repeat(auto-fill, minmax(112px, 1fr)); gap: 8px 14px; }
.number { display: grid; gap: 2px; }
.number span { color: var(--muted); font-size: 12.5px; }
.number input { font: inherit; color: var(--ink); background: var(--paper); border: 1px solid var(--muted); border-radius: 6px; padding: 3px 8px; min-height: 32px; width: 100%; }
.facts { margin: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(140px, 1fr)); gap: 6px 18px; border-top: 1px solid var(--line); padding-top: 12px; }
.facts dt { color: var(--muted); font-size: 12.5px; }
.facts dd { margin: 0; font-size: 16px; font-variant-numeric: tabular-nums; }
.track { position: relative; height: 34px; background: var(--tint); border-radius: 4px; margin: 2px 1px; }
.bar { display: flex; height: 100%; border-radius: 4px; overflow: hidden; }
.part { display: block; min-width: 0; }
.part + .part { border-left: 1.5px solid var(--paper); } /* alike in grey: told apart by the line between them */
.limit { position: absolute; top: -5px; bottom: -5px; width: 0; border-left: 2px dashed var(--ink); }
.weights { background: #0b5394; } .optimiser { background: #9fc5e8; } .activations { background: #e69f00; } .gradients { background: #7a4a00; }
.workspace { background: #c9d6a3; } .images { background: #666d78; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; font-size: 13px; }
.key { display: inline-block; width: 12px; height: 12px; border-radius: 2px; margin-right: 6px; vertical-align: -1px; border: 1px solid var(--muted); }
.verdict { font-weight: 600; min-height: 1.45em; }
.verdict.over { color: var(--warn); }
.stale .facts, .stale .track, .stale .legend, .stale .verdict { opacity: 0.35; }

@container (max-width: 620px) {
  .figure { padding: 12px; }
  .fields { grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 8px; }
  .facts { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .verdict { min-height: 2.9em; }
}
@media (forced-colors: active) { .part, .key { forced-color-adjust: none; } .segmented input:checked + span { outline: 2px solid; } }
`;var he={precision:["fp32","bf16"],attention:["fused","explicit"],optimizer:["adamw","muon","sgd"]},Q={embed_dim:[16,8192,16],depth:[1,96,1],num_heads:[1,64,1],mlp_ratio:[.5,8,.5],img_size:[8,2048,8],patch_size:[1,64,1],batch_size:[1,65536,1],tflops:[.001,1e4,.001],bandwidth:[.1,1e5,.1],gib:[.5,4096,.5]},W={...N.tiny,mlp_ratio:4,img_size:224,patch_size:16,batch_size:64,precision:"fp32",attention:"fused",optimizer:"adamw",tflops:.1,bandwidth:5,gib:8},be=["embed_dim","depth","num_heads","img_size","patch_size","batch_size"];function ae(t){let e={...W,...t};for(let[i,[n,s]]of Object.entries(Q)){let d=Number(e[i])||W[i];e[i]=Math.min(s,Math.max(n,be.includes(i)?Math.round(d):d))}for(let[i,n]of Object.entries(he))n.includes(e[i])||(e[i]=n[0]);return e}var ge=ie+re,G=2**30,xe=2**20,ve={embed_dim:"Width D",depth:"Blocks L",num_heads:"Heads h",mlp_ratio:"MLP ratio",img_size:"Image (pixels)",patch_size:"Patch (pixels)",batch_size:"Batch (images)"},we={tflops:"TFLOP/s reached",bandwidth:"GB/s reached",gib:"Memory (GiB)"},Y={T4:[8.1,65,320,15],A100:[19.5,312,2039,80],H100:[66.9,989,3350,80]},se=.4,ee={weights:"weights",optimiser:"optimiser",activations:"saved activations",gradients:"gradients",workspace:"workspace",images:"images"},S=t=>t>=100?Math.round(t).toLocaleString("en"):Number(t.toPrecision(3)).toString(),R=t=>t>=G?`${S(t/G)} GiB`:`${S(t/xe)} MiB`,pe=t=>{for(let[e,i]of[["P",1e15],["T",1e12],["G",1e9],["M",1e6]])if(t>=i)return`${S(t/i)} ${e}`;return S(t)},ye=t=>t>=120?`${S(t/60)} min`:t>=1?`${S(t)} s`:`${S(1e3*t)} ms`;function de(t,{state:e,changed:i}){let n=ne({...W,...e},ae),s={},d=(o,r)=>{let[h,j,L]=Q[o],F=a("input",{type:"number",inputmode:"decimal",min:h,max:j,step:o==="tflops"||o==="bandwidth"?"any":L,onchange:()=>{n.set({[o]:F.value}),F.value=n.state[o]}});return s[o]=F,a("label",{class:"number"},a("span",{},r),F)},w=T("Size",Object.keys(N).map(o=>[o,o]),o=>n.set(N[o])),y=T("Precision",[["fp32","fp32"],["bf16","bf16"]],o=>n.set({precision:o})),l=T("Attention",[["fused","fused"],["explicit","explicit"]],o=>n.set({attention:o})),g=T("Optimiser",[["adamw","AdamW"],["muon","Muon"],["sgd","SGD"]],o=>n.set({optimizer:o})),c=T("Device",[...Object.keys(Y),"own"].map(o=>[o,o]),o=>o!=="own"&&n.set(M(o,n.state.precision))),m=Object.fromEntries(["parameters","tokens","operations","peak","inference","time"].map(o=>[o,a("b",{})])),k=(o,r)=>a("div",{},a("dt",{},o),a("dd",{},m[r])),b=a("div",{class:"bar",role:"img"}),f=a("ul",{class:"legend"}),B=a("div",{class:"limit","aria-hidden":"true"}),q=a("div",{class:"track"},b,B),$=a("p",{class:"verdict"}),A=a("p",{class:"alarm",role:"alert",hidden:!0}),z=a("p",{class:"spoken",role:"status"}),_=(o,...r)=>a("div",{class:"row"},a("span",{class:"name"},o),r),C=a("div",{class:"figure"},_("Model",w.node),a("div",{class:"fields"},Object.entries(ve).map(([o,r])=>d(o,r))),a("div",{class:"choices"},_("Precision",y.node),_("Attention",l.node),_("Optimiser",g.node)),A,a("dl",{class:"facts"},k("parameters","parameters"),k("tokens","tokens"),k("operations a step","operations"),k("peak, training","peak"),k("peak, inference","inference"),k("a step takes","time")),q,f,$,_("Device",c.node),a("div",{class:"fields"},Object.entries(we).map(([o,r])=>d(o,r))),z),O=t.shadowRoot??t.attachShadow({mode:"open"});O.replaceChildren(a("style",{},ge),C);function M(o,r){let[h,j,L,F]=Y[o];return{tflops:Number(((r==="bf16"?j:h)*se).toPrecision(4)),bandwidth:L*se,gib:F}}let I=o=>Object.entries(o).every(([r,h])=>n.state[r]===h),u=null,E="own";function x(o){let{state:r}=n,h=H(r),j=Object.keys(Y).find(p=>I(M(p,r.precision)));if(!j&&E!=="own"&&o.has("precision")&&!o.has("tflops")){n.set(M(E,r.precision));return}E=j??"own";for(let[p,P]of Object.entries(s))(P!==O.activeElement||o.size>3)&&(P.value=r[p]);w.set(Object.keys(N).find(p=>I(N[p]))??"");for(let[p,P]of Object.entries({precision:y,attention:l,optimizer:g}))P.set(r[p]);if(c.set(E),A.hidden=!h,v(A,h),C.classList.toggle("stale",!!h),t.dataset.renders=Number(t.dataset.renders??0)+1,h)return;u=V(r);let L=Object.values(u.seconds).reduce((p,P)=>p+P,0),F=u.memory.activations>=u.memory.gradients?"gradients":"activations",te=Math.max(u.peak,r.gib*G),oe=u.peak<=r.gib*G;v(m.parameters,pe(u.parameters)),v(m.tokens,String(u.tokens)),v(m.operations,pe(Object.values(u.flops).reduce((p,P)=>p+P,0))),v(m.peak,R(u.peak)),v(m.inference,R(u.inference)),v(m.time,ye(L));let J=Object.keys(ee).filter(p=>p!==F);v(b,J.map(p=>a("span",{class:`part ${p}`,style:`width: ${100*u.memory[p]/te}%`}))),v(f,J.map(p=>a("li",{},a("span",{class:`key ${p}`}),`${ee[p]} ${R(u.memory[p])}`))),B.style.left=`${100*r.gib*G/te}%`,$.classList.toggle("over",!oe);let K=`${oe?"Fits":"Does not fit"} in ${S(r.gib)} GiB: a step takes ${R(u.peak)}, and ${S(r.batch_size/L)} images a second pass.`;v($,K),b.setAttribute("aria-label",`Memory of a training step: ${J.map(p=>`${ee[p]} ${R(u.memory[p])}`).join(", ")}. ${K}`),Z(K)}let D,U=!0;function Z(o){clearTimeout(D),D=setTimeout(()=>{U?U=!1:v(z,o)},500)}return t.addEventListener("keydown",o=>o.stopPropagation()),n.listen((o,r,h)=>{x(r),h!=="outside"&&i?.(o,r)}),x(new Set(Object.keys(W))),t.dataset.ready="true",{get state(){return n.state},cost:()=>u,set:o=>n.set(o,"outside"),destroy(){clearTimeout(D),O.replaceChildren()}}}function ke(t,e){let i=document.createElement("div");t.calculator=de(i,{state:e.state}),t.querySelector(".vt-still")?.replaceWith(i)}(globalThis.vitTutorialFigures??={}).cost_calculator={mount:ke};globalThis.VitCost={costOf:V,fault:H};})();
