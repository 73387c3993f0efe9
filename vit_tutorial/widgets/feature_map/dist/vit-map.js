(()=>{function a(o,s={},...i){let l=document.createElement(o);for(let[p,r]of Object.entries(s))p.startsWith("on")?l.addEventListener(p.slice(2),r):r!=null&&r!==!1&&l.setAttribute(p,r===!0?"":r);return l.append(...i.flat().filter(p=>p!=null)),l}function D(o,s=o,i={}){let l=a("canvas",{width:o,height:s,"aria-hidden":"true",...i});return l.pen=l.getContext("2d",{willReadFrequently:!0}),l}function N(o,...s){let i=s.flat();if(i.every(l=>typeof l=="string")){let l=i.join("");(o.textContent!==l||o.childElementCount)&&(o.textContent=l)}else o.replaceChildren(...i)}var Ee=0;function _(o,s,i,l=""){let p=`vt-group-${Ee++}`,r=s.map(([m])=>a("input",{type:"radio",name:p,value:m,onchange:()=>i(m)})),x=s.map(([,m,S],A)=>a("label",{title:S},r[A],a("span",{},m)));return{node:a("div",{class:`segmented ${l}`,role:"radiogroup","aria-label":o},x),inputs:r,set(m){for(let S of r)S.checked=S.value===String(m)}}}var me=(o,s,i={})=>a("button",{type:"button",onclick:s,...i},o);var fe=`/* What the figures look like that run a model: colours, controls, a picture cut into patches. They live in a shadow root, so plain names are safe;
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
`;var $e=(o,s)=>o===s||JSON.stringify(o)===JSON.stringify(s);function ge(o,s){let i=s(o),l=[];return{get state(){return i},listen(p){l.push(p)},set(p,r){let x=s({...i,...p}),v=new Set(Object.keys(x).filter(m=>!$e(x[m],i[m])));if(v.size){i=x;for(let m of l)m(i,v,r)}}}}var U=["#0072b2","#e69f00","#009e73","#d55e00","#56b4e9","#cc79a7","#f0e442"],j=o=>({colour:U[o%U.length],ring:Math.floor(o/U.length)%2===1});var be=`/* The map's own look, after look.css. */

.stage { display: grid; grid-template-columns: minmax(0, 1fr) 230px; gap: 14px 22px; align-items: start; }
.panel { display: grid; gap: 8px; min-width: 0; grid-template-columns: minmax(0, 1fr); }
.map { border: 1px solid var(--line); border-radius: 6px; cursor: crosshair; touch-action: pan-y; }
.map canvas { display: block; width: 100%; height: auto; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 13px; }
.legend li { display: flex; gap: 6px; align-items: center; }
.sample { width: 12px; height: 12px; border-radius: 50%; flex: none; }
.chosen { display: grid; gap: 4px; }
.chosen canvas, .near canvas { image-rendering: pixelated; display: block; width: 100%; height: auto; border-radius: 4px; background: #000; }
.chosen canvas { width: 130px; }
.side .subtitle { margin: 0; }
.row { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 6px; }
.near { padding: 2px; border: 2px solid transparent; display: grid; gap: 1px; min-width: 0; border-radius: 6px; }
.near .word { font-size: 12px; overflow: hidden; text-overflow: ellipsis; }
.near.other { border-color: var(--warn); border-style: dashed; }
.readout { min-height: 2.9em; }

@container (max-width: 620px) {
  .figure { padding: 12px; }
  .stage { grid-template-columns: minmax(0, 1fr); }
  .chosen { grid-template-columns: 90px minmax(0, 1fr); align-items: center; gap: 12px; }
  .chosen canvas { width: 90px; }
  .tabs { width: 100%; flex-wrap: wrap; }
  .tabs label { flex: 1 1 auto; justify-content: center; }
  .tabs span { padding: 3px 6px; font-size: 13px; }
  .readout { min-height: 4.3em; }
}
@media (forced-colors: active) { .segmented input:checked + span { outline: 2px solid; } .sample { forced-color-adjust: none; } }
`;var ve=fe+be,z=1100,xe=50,ze=45,Ae={pca:"PCA",tsne:"t-SNE"},Te=350,G=o=>`${Math.round(100*o)} %`,qe={ArrowLeft:[-1,0],ArrowRight:[1,0],ArrowUp:[0,-1],ArrowDown:[0,1]};async function we(o,{data:s,state:i,changed:l}){let{encoders:p,labels:r,classes:x,size:[v,m],across:S}=s,A=p[0].neighbours.length,J=Object.assign(new Image,{src:s.sheet});await J.decode();let C=Object.keys(p[0].maps),K=(e,t)=>t.includes(e)?e:t[0],V=e=>({encoder:K(e.encoder,p.map(({name:t})=>t)),map:K(e.map,C),chosen:Math.max(0,Math.min(A-1,Math.round(Number(e.chosen)||0)))}),h=ge(V({...i}),V),M=()=>p.find(({name:e})=>e===h.state.encoder),I=e=>r?`image ${e}, ${x[r[e]]}`:`image ${e}`,R=D(z),H=()=>D(m,v),E=a("div",{class:"map",role:"application",tabindex:0,"aria-label":"Map of the images. Arrow keys go to the next image in that direction, n to the nearest neighbour."},R),X=_("Encoder",p.map(({name:e})=>[e,e]),e=>h.set({encoder:e}),"tabs"),Z=C.length>1?_("Map",C.map(e=>[e,Ae[e]]),e=>h.set({map:e})):null,Y=H(),Q=a("p",{class:"title"}),L=a("p",{class:"subtitle"}),ee=p[0].neighbours[0].map((e,t)=>{let c=H(),u=a("span",{class:"word"});return{face:c,word:u,node:me([c,u],()=>h.set({chosen:M().neighbours[h.state.chosen][t]}),{class:"near"})}}),te=a("p",{class:"readout"}),oe=a("p",{class:"spoken",role:"status","aria-live":"polite"}),ye=e=>a("span",{class:"sample",style:j(e).ring?`border: 3px solid ${j(e).colour}`:`background: ${j(e).colour}`,"aria-hidden":"true"}),ke=r?a("ul",{class:"legend"},x.map((e,t)=>a("li",{},ye(t),e))):null,Se=a("div",{class:"figure"},a("div",{class:"top"},X.node,Z?.node),a("div",{class:"stage"},a("div",{class:"panel"},E,ke),a("div",{class:"panel side"},a("div",{class:"chosen"},Y,Q),L,a("div",{class:"row",role:"group","aria-label":"Nearest neighbours"},ee.map(({node:e})=>e)))),te,oe),ne=o.shadowRoot??o.attachShadow({mode:"open"});ne.replaceChildren(a("style",{},ve),Se);let T=()=>M().maps[h.state.map],w=T().map(e=>[...e]),re=0,ae=(e,t)=>{e.clearRect(0,0,m,v),e.drawImage(J,t%S*m,Math.floor(t/S)*v,m,v,0,0,m,v)},O=([e,t])=>[xe+e,xe+t];function ie(e,t,c){let{colour:u,ring:n}=j(r?r[t]:0),[f,d]=O(w[t]);e.beginPath(),e.arc(f,d,n?c-2:c,0,2*Math.PI),Object.assign(e,{fillStyle:u,strokeStyle:u,lineWidth:5}),n?e.stroke():e.fill()}function q(){let{pen:e}=R,{chosen:t}=h.state,c=M().neighbours[t],u=getComputedStyle(o).color;e.clearRect(0,0,z,z),e.globalAlpha=.75;for(let n=0;n<A;n++)ie(e,n,9);e.globalAlpha=1;for(let n of c)e.beginPath(),e.moveTo(...O(w[t])),e.lineTo(...O(w[n])),Object.assign(e,{strokeStyle:u,lineWidth:2.5}),e.stroke();for(let n of[...c,t]){let[f,d]=O(w[n]),g=n===t?17:12;ie(e,n,g),e.beginPath(),e.arc(f,d,g+3,0,2*Math.PI),Object.assign(e,{strokeStyle:u,lineWidth:n===t?5:2.5}),e.stroke()}}function Me(){let e=w.map(d=>[...d]),t=T(),c=performance.now(),u=++re,n=matchMedia("(prefers-reduced-motion: reduce)").matches?0:Te,f=d=>{if(u!==re)return;let g=n?Math.min(1,Math.max(0,(d-c)/n)):1,y=g*g*(3-2*g);w=t.map((k,b)=>k.map(($,he)=>e[b][he]+y*($-e[b][he]))),q(),g<1&&requestAnimationFrame(f)};f(c)}function se(){let{map:e}=h.state,{agreement:t,kept:c,variance:u,neighbours:n}=M(),f=n[0].length,d=t===null?"":`${h.state.encoder}: ${G(t)} of an image's ${f} nearest neighbours have its class. `,g=e==="pca"?`Its two directions hold ${G(u)} of the variance`:"It tries to keep neighbours together; distances between groups say little";return`${d}The map keeps ${G(c[e])} of these neighbours among the nearest. ${g}.`}function le(e){let{chosen:t,encoder:c,map:u}=h.state,n=M().neighbours[t];X.set(c),Z?.set(u),ae(Y.pen,t),N(Q,I(t)),n.forEach((d,g)=>{let{face:y,word:k,node:b}=ee[g];ae(y.pen,d),N(k,r?x[r[d]]:String(d)),b.classList.toggle("other",!!r&&r[d]!==r[t]),b.setAttribute("aria-label",I(d))});let f=r?n.filter(d=>r[d]===r[t]).length:0;N(L,r?`Nearest neighbours, ${f} of ${n.length} of its class`:"Nearest neighbours"),N(te,se()),e.has("encoder")||e.has("map")?Me():q(),Ne(e.size===1&&e.has("chosen")?`${I(t)}: ${L.textContent}`:se()),o.dataset.renders=Number(o.dataset.renders??0)+1}function pe(e){let t=R.getBoundingClientRect(),c=(e.clientX-t.left)/t.width*z,u=(e.clientY-t.top)/t.height*z,n=-1,f=ze;w.forEach((d,g)=>{let[y,k]=O(d),b=Math.hypot(y-c,k-u);b<f&&([n,f]=[g,b])}),n>=0&&h.set({chosen:n})}E.addEventListener("pointermove",pe),E.addEventListener("pointerdown",pe),E.addEventListener("keydown",e=>{if(e.altKey||e.ctrlKey||e.metaKey)return;let{chosen:t}=h.state,[c,u]=T()[t],n=qe[e.key];if(e.key==="n"&&h.set({chosen:M().neighbours[t][0]}),!n)return;e.preventDefault();let f=t,d=1/0;T().forEach(([g,y],k)=>{let b=(g-c)*n[0]+(y-u)*n[1],$=Math.abs((g-c)*n[1])+Math.abs((y-u)*n[0]);k!==t&&b>0&&$<=b&&b+$<d&&([f,d]=[k,b+$])}),h.set({chosen:f})});let ce=new MutationObserver(()=>q()),de=new ResizeObserver(()=>q());de.observe(E),ce.observe(document.documentElement,{attributes:!0,attributeFilter:["data-theme","data-mode"]});let W,ue=!0,F,P=new Set;function Ne(e){clearTimeout(W),W=setTimeout(()=>{ue?ue=!1:N(oe,e)},500)}return o.addEventListener("keydown",e=>e.stopPropagation()),h.listen((e,t,c)=>{if(le(t),c!=="outside"){for(let u of t)P.add(u);clearTimeout(F),F=setTimeout(()=>{l?.(h.state,P),P=new Set},150)}}),le(new Set(["chosen"])),o.dataset.ready="map",{get state(){return h.state},places:()=>w,set:e=>h.set(e,"outside"),destroy(){clearTimeout(F),clearTimeout(W),ce.disconnect(),de.disconnect(),ne.replaceChildren()}}}function B(o,s){(o.shadowRoot??o.attachShadow({mode:"open"})).replaceChildren(a("style",{},ve),a("div",{class:"figure"},a("p",{class:"alarm",role:"alert"},s))),o.dataset.failed=s}async function Ce(o,s){let i=document.createElement("div"),l=o.querySelector(".vt-still");try{let p=await we(i,s);l?.replaceWith(i),o.map=p}catch(p){B(i,`This figure could not start: ${p.message}. The picture above shows what it does; the rest of the page is not affected.`),l?.after(i)}}(globalThis.vitTutorialFigures??={}).feature_map={mount:Ce,showFault:B};})();
