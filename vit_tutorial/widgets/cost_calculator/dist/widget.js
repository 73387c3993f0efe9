function p(t,e={},...i){let n=document.createElement(t);for(let[a,r]of Object.entries(e))a.startsWith("on")?n.addEventListener(a.slice(2),r):r!=null&&r!==!1&&n.setAttribute(a,r===!0?"":r);return n.append(...i.flat().filter(a=>a!=null)),n}function y(t,...e){let i=e.flat();if(i.every(n=>typeof n=="string")){let n=i.join("");(t.textContent!==n||t.childElementCount)&&(t.textContent=n)}else t.replaceChildren(...i)}var le=0;function A(t,e,i,n=""){let a=`vt-group-${le++}`,r=e.map(([c])=>p("input",{type:"radio",name:a,value:c,onchange:()=>i(c)})),m=e.map(([,c,v],l)=>p("label",{title:v},r[l],p("span",{},c)));return{node:p("div",{class:`segmented ${n}`,role:"radiogroup","aria-label":t},m),inputs:r,set(c){for(let v of r)v.checked=v.value===String(c)}}}var te=`/* What the figures look like that run a model: colours, controls, a picture cut into patches. They live in a shadow root, so plain names are safe;
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
`;var me=(t,e)=>t===e||JSON.stringify(t)===JSON.stringify(e);function oe(t,e){let i=e(t),n=[];return{get state(){return i},listen(a){n.push(a)},set(a,r){let m=e({...i,...a}),b=new Set(Object.keys(m).filter(c=>!me(m[c],i[c])));if(b.size){i=m;for(let c of n)c(i,b,r)}}}}var ie=`/* The cost calculator's own look, after look.css. */

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
`;var he={sgd:1,adam:2,adamw:2,muon:1},J=t=>Object.values(t).reduce((e,i)=>e+i,0),N={tiny:{embed_dim:192,depth:12,num_heads:3},small:{embed_dim:384,depth:12,num_heads:6},base:{embed_dim:768,depth:12,num_heads:12},large:{embed_dim:1024,depth:24,num_heads:16}};function ne({embed_dim:t,num_heads:e,img_size:i,patch_size:n}){return t%e?`Width ${t} is not divisible by ${e} heads.`:i%n?`${i} pixels are not divisible by patches of ${n}.`:""}function re(t){let{embed_dim:e,depth:i,num_heads:n,batch_size:a,patch_size:r}=t,m=3,b=1e3,c=t.precision==="bf16",v=t.attention==="explicit",l=c?2:4,f=Math.trunc(e*t.mlp_ratio),k=(t.img_size/r)**2,x=k+1,h=a*x,T=m*t.img_size**2,q=m*r**2,$=i*(4*e*e+2*e*f),I={embedding:e*(q+1)+(1+x)*e,attention:i*(4*e*e+4*e),"feed-forward":i*(2*e*f+f+e),norms:i*4*e+2*e,head:(e+1)*b},z=J(I),_=t.optimizer==="muon"?$+2*(z-$):he[t.optimizer]*z,C=$+e*q+e*b,O={embedding:2*a*2*k*e*q,"linear maps":3*a*i*x*(8*e*e+4*e*f),attention:3*a*i*4*x*x*e,head:3*a*2*e*b},M={"norms' inputs":i*h*(2*e+4)*4,"maps' inputs":i*h*2*e*l,attention:i*h*4*e*l,"feed-forward":i*h*2*f*l,"attention, N x N":i*h*n*(v?x*l:4),"last norm and logits":h*e*4+(c?a*e*2:h*e*4)+8*h+a*b*4};c&&(M["bf16 copies"]=(C+a*T)*2);let D=h*(e*4+f*l),u=h*(e*4+(e+2*f)*l),L=v?Math.max(D,h*(e*4+2*n*x*l)-u):D,w={weights:4*z,gradients:4*z,optimiser:4*_,activations:J(M),workspace:L,images:a*T*4},W=w.weights+w.optimiser+w.workspace+w.images+Math.max(w.activations,w.gradients),U=h*(e*(4+l)+2*f*l),H=v?h*(e*(4+4*l)+2*n*x*l):0,o=w.weights+(c?C*2:0)+w.images+Math.max(U,H),s=h*i*(e*22*4+(11*e+6*f)*l+(v?9*n*x*l:0))+4*(3*z+2*_),g=t.tflops*1e12,j={"linear maps":(J(O)-O.attention)/g,attention:O.attention/g,elementwise:s/(t.bandwidth*1e9)};return{tokens:x,parameters:z,flops:O,saved:M,memory:w,peak:W,inference:o,seconds:j}}var ge={precision:["fp32","bf16"],attention:["fused","explicit"],optimizer:["adamw","muon","sgd"]},K={embed_dim:[16,8192,16],depth:[1,96,1],num_heads:[1,64,1],mlp_ratio:[.5,8,.5],img_size:[8,2048,8],patch_size:[1,64,1],batch_size:[1,65536,1],tflops:[.001,1e4,.001],bandwidth:[.1,1e5,.1],gib:[.5,4096,.5]},E={...N.tiny,mlp_ratio:4,img_size:224,patch_size:16,batch_size:64,precision:"fp32",attention:"fused",optimizer:"adamw",tflops:.1,bandwidth:5,gib:8},be=["embed_dim","depth","num_heads","img_size","patch_size","batch_size"];function ae(t){let e={...E,...t};for(let[i,[n,a]]of Object.entries(K)){let r=Number(e[i])||E[i];e[i]=Math.min(a,Math.max(n,be.includes(i)?Math.round(r):r))}for(let[i,n]of Object.entries(ge))n.includes(e[i])||(e[i]=n[0]);return e}var xe=te+ie,G=2**30,ve=2**20,we={embed_dim:"Width D",depth:"Blocks L",num_heads:"Heads h",mlp_ratio:"MLP ratio",img_size:"Image (pixels)",patch_size:"Patch (pixels)",batch_size:"Batch (images)"},ye={tflops:"TFLOP/s reached",bandwidth:"GB/s reached",gib:"Memory (GiB)"},X={T4:[8.1,65,320,15],A100:[19.5,312,2039,80],H100:[66.9,989,3350,80]},se=.4,Q={weights:"weights",optimiser:"optimiser",activations:"saved activations",gradients:"gradients",workspace:"workspace",images:"images"},S=t=>t>=100?Math.round(t).toLocaleString("en"):Number(t.toPrecision(3)).toString(),R=t=>t>=G?`${S(t/G)} GiB`:`${S(t/ve)} MiB`,pe=t=>{for(let[e,i]of[["P",1e15],["T",1e12],["G",1e9],["M",1e6]])if(t>=i)return`${S(t/i)} ${e}`;return S(t)},ke=t=>t>=120?`${S(t/60)} min`:t>=1?`${S(t)} s`:`${S(1e3*t)} ms`;function de(t,{state:e,changed:i}){let n=oe({...E,...e},ae),a={},r=(o,s)=>{let[g,j,B]=K[o],F=p("input",{type:"number",inputmode:"decimal",min:g,max:j,step:o==="tflops"||o==="bandwidth"?"any":B,onchange:()=>{n.set({[o]:F.value}),F.value=n.state[o]}});return a[o]=F,p("label",{class:"number"},p("span",{},s),F)},m=A("Size",Object.keys(N).map(o=>[o,o]),o=>n.set(N[o])),b=A("Precision",[["fp32","fp32"],["bf16","bf16"]],o=>n.set({precision:o})),c=A("Attention",[["fused","fused"],["explicit","explicit"]],o=>n.set({attention:o})),v=A("Optimiser",[["adamw","AdamW"],["muon","Muon"],["sgd","SGD"]],o=>n.set({optimizer:o})),l=A("Device",[...Object.keys(X),"own"].map(o=>[o,o]),o=>o!=="own"&&n.set(M(o,n.state.precision))),f=Object.fromEntries(["parameters","tokens","operations","peak","inference","time"].map(o=>[o,p("b",{})])),k=(o,s)=>p("div",{},p("dt",{},o),p("dd",{},f[s])),x=p("div",{class:"bar",role:"img"}),h=p("ul",{class:"legend"}),T=p("div",{class:"limit","aria-hidden":"true"}),q=p("div",{class:"track"},x,T),$=p("p",{class:"verdict"}),I=p("p",{class:"alarm",role:"alert",hidden:!0}),z=p("p",{class:"spoken",role:"status"}),_=(o,...s)=>p("div",{class:"row"},p("span",{class:"name"},o),s),C=p("div",{class:"figure"},_("Model",m.node),p("div",{class:"fields"},Object.entries(we).map(([o,s])=>r(o,s))),p("div",{class:"choices"},_("Precision",b.node),_("Attention",c.node),_("Optimiser",v.node)),I,p("dl",{class:"facts"},k("parameters","parameters"),k("tokens","tokens"),k("operations a step","operations"),k("peak, training","peak"),k("peak, inference","inference"),k("a step takes","time")),q,h,$,_("Device",l.node),p("div",{class:"fields"},Object.entries(ye).map(([o,s])=>r(o,s))),z),O=t.shadowRoot??t.attachShadow({mode:"open"});O.replaceChildren(p("style",{},xe),C);function M(o,s){let[g,j,B,F]=X[o];return{tflops:Number(((s==="bf16"?j:g)*se).toPrecision(4)),bandwidth:B*se,gib:F}}let D=o=>Object.entries(o).every(([s,g])=>n.state[s]===g),u=null,L="own";function w(o){let{state:s}=n,g=ne(s),j=Object.keys(X).find(d=>D(M(d,s.precision)));if(!j&&L!=="own"&&o.has("precision")&&!o.has("tflops")){n.set(M(L,s.precision));return}L=j??"own";for(let[d,P]of Object.entries(a))(P!==O.activeElement||o.size>3)&&(P.value=s[d]);m.set(Object.keys(N).find(d=>D(N[d]))??"");for(let[d,P]of Object.entries({precision:b,attention:c,optimizer:v}))P.set(s[d]);if(l.set(L),I.hidden=!g,y(I,g),C.classList.toggle("stale",!!g),t.dataset.renders=Number(t.dataset.renders??0)+1,g)return;u=re(s);let B=Object.values(u.seconds).reduce((d,P)=>d+P,0),F=u.memory.activations>=u.memory.gradients?"gradients":"activations",Y=Math.max(u.peak,s.gib*G),ee=u.peak<=s.gib*G;y(f.parameters,pe(u.parameters)),y(f.tokens,String(u.tokens)),y(f.operations,pe(Object.values(u.flops).reduce((d,P)=>d+P,0))),y(f.peak,R(u.peak)),y(f.inference,R(u.inference)),y(f.time,ke(B));let Z=Object.keys(Q).filter(d=>d!==F);y(x,Z.map(d=>p("span",{class:`part ${d}`,style:`width: ${100*u.memory[d]/Y}%`}))),y(h,Z.map(d=>p("li",{},p("span",{class:`key ${d}`}),`${Q[d]} ${R(u.memory[d])}`))),T.style.left=`${100*s.gib*G/Y}%`,$.classList.toggle("over",!ee);let V=`${ee?"Fits":"Does not fit"} in ${S(s.gib)} GiB: a step takes ${R(u.peak)}, and ${S(s.batch_size/B)} images a second pass.`;y($,V),x.setAttribute("aria-label",`Memory of a training step: ${Z.map(d=>`${Q[d]} ${R(u.memory[d])}`).join(", ")}. ${V}`),H(V)}let W,U=!0;function H(o){clearTimeout(W),W=setTimeout(()=>{U?U=!1:y(z,o)},500)}return t.addEventListener("keydown",o=>o.stopPropagation()),n.listen((o,s,g)=>{w(s),g!=="outside"&&i?.(o,s)}),w(new Set(Object.keys(E))),t.dataset.ready="true",{get state(){return n.state},cost:()=>u,set:o=>n.set(o,"outside"),destroy(){clearTimeout(W),O.replaceChildren()}}}var ce=Object.keys(E);function ze({model:t,el:e}){let i=document.createElement("div");e.append(i);let n=de(i,{state:Object.fromEntries(ce.map(r=>[r,t.get(r)])),changed(r,m){for(let b of m)t.set(b,r[b]);t.save_changes()}}),a=ce.map(r=>[`change:${r}`,()=>{t.get(r)!==n.state[r]&&n.set({[r]:t.get(r)})}]);for(let[r,m]of a)t.on(r,m);return()=>{for(let[r,m]of a)t.off(r,m);n.destroy()}}var Ce={render:ze};export{Ce as default};
