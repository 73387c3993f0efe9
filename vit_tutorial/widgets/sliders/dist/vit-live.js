(()=>{function l(i,t={},...n){let r=document.createElement(i);for(let[c,e]of Object.entries(t))c.startsWith("on")?r.addEventListener(c.slice(2),e):e!=null&&e!==!1&&r.setAttribute(c,e===!0?"":e);return r.append(...n.flat().filter(c=>c!=null)),r}function f(i,...t){let n=t.flat();if(n.every(r=>typeof r=="string")){let r=n.join("");(i.textContent!==r||i.childElementCount)&&(i.textContent=r)}else i.replaceChildren(...n)}function w(i,t){let n=l("input",{type:"checkbox",role:"switch",onchange:()=>t(n.checked)});return{node:l("label",{class:"switch"},n,l("span",{},i)),input:n,set(c){n.checked=c}}}var T=0;function y(i,t,n,r=""){let c=`vt-group-${T++}`,e=t.map(([a])=>l("input",{type:"radio",name:c,value:a,onchange:()=>n(a)})),p=t.map(([,a,m],g)=>l("label",{title:m},e[g],l("span",{},a)));return{node:l("div",{class:`segmented ${r}`,role:"radiogroup","aria-label":i},p),inputs:e,set(a){for(let m of e)m.checked=m.value===String(a)}}}function k(i,{min:t,max:n,step:r=1},c){let e=l("input",{type:"range",min:t,max:n,step:r,"aria-label":i,oninput:()=>c(Number(e.value))}),p=l("output",{});return{node:l("label",{class:"slider"},l("span",{class:"name"},i),e,p),input:e,set(a,m=String(a)){e.value=a,e.style.setProperty("--filled",`${100*(a-t)/(n-t||1)}%`),e.getAttribute("aria-valuetext")!==m&&e.setAttribute("aria-valuetext",m),f(p,m)}}}var v=`/* The look of a live figure's controls: the explorer's. In a shadow root, so plain names are safe; colours come from the book's page,
   from JupyterLab, or from here. */

:host {
  --ink: var(--vt-ink, var(--jp-ui-font-color1, #1d2129));
  --muted: var(--vt-muted, var(--jp-ui-font-color2, #5a6270));
  --paper: var(--vt-paper, var(--jp-layout-color0, #fff));
  --tint: var(--vt-tint, var(--jp-layout-color2, #f5f6f8));
  --line: var(--vt-line, var(--jp-border-color1, #d9dde3));
  --accent: var(--vt-accent, var(--jp-brand-color1, #00629b));
  --warn: var(--vt-warn, #a04500);
  display: block; container-type: inline-size; color: var(--ink); text-align: left;
  font: 400 14px/1.45 var(--vt-sans, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif);
}
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 3px; }

figure { margin: 0; max-width: 690px; }
.picture { display: block; max-width: 100%; height: auto; background: #fff; border-radius: 6px; }
.picture[aria-busy] { opacity: 0.6; }
figcaption { color: var(--muted); margin-top: 6px; }

/* Names, controls and values stand below each other. */
.controls { display: grid; grid-template-columns: max-content minmax(60px, 24rem) minmax(0, max-content); gap: 4px 14px; align-items: center; padding: 8px 0 4px; }
.controls > * { grid-column: 1 / -1; }
.slider, .row { display: grid; grid-template-columns: subgrid; align-items: center; min-height: 32px; }
.row > :last-child { grid-column: 2 / -1; justify-self: start; }
.name { max-width: 9.5em; overflow-wrap: anywhere; }
@container (max-width: 480px) {
  .controls:not(.short) :is(.slider, .row) { grid-template-columns: minmax(0, 1fr) max-content; column-gap: 14px; }
  .controls:not(.short) :is(.name, .row > :last-child) { grid-column: 1 / -1; max-width: 100%; }
}

.slider output { font-variant-numeric: tabular-nums; }
input[type="range"] { appearance: none; width: 100%; height: 28px; margin: 0; background: transparent; cursor: pointer; touch-action: pan-y; }
input[type="range"]::-webkit-slider-runnable-track { height: 4px; border-radius: 2px; background: linear-gradient(90deg, var(--accent) var(--filled, 0%), color-mix(in srgb, var(--muted) 55%, transparent) var(--filled, 0%)); }
input[type="range"]::-moz-range-track { height: 4px; border-radius: 2px; background: linear-gradient(90deg, var(--accent) var(--filled, 0%), color-mix(in srgb, var(--muted) 55%, transparent) var(--filled, 0%)); }
input[type="range"]::-webkit-slider-thumb { appearance: none; width: 18px; height: 18px; margin-top: -7px; border-radius: 50%; background: var(--paper); border: 2px solid var(--accent); }
input[type="range"]::-moz-range-thumb { width: 14px; height: 14px; border-radius: 50%; background: var(--paper); border: 2px solid var(--accent); }
input[type="range"]:disabled { opacity: 0.45; cursor: default; }

.segmented { display: inline-flex; flex-wrap: wrap; border: 1px solid var(--line); border-radius: 7px; padding: 2px; gap: 2px; background: var(--tint); max-width: 100%; }
.segmented label { position: relative; display: flex; cursor: pointer; min-width: 0; }
.segmented input { position: absolute; inset: 0; opacity: 0; margin: 0; cursor: pointer; width: 100%; height: 100%; }
.segmented span { padding: 3px 10px; border-radius: 5px; color: var(--muted); }
.segmented label:hover span { color: var(--ink); }
.segmented input:checked + span { background: var(--paper); color: var(--ink); font-weight: 600; box-shadow: 0 0 0 1px var(--line); }
.segmented input:focus-visible + span { outline: 3px solid var(--accent); outline-offset: 1px; }

select { font: inherit; color: var(--ink); background: var(--paper); border: 1px solid var(--muted); border-radius: 6px; padding: 3px 8px; min-height: 32px; max-width: 100%; }

.switch { display: inline-flex; justify-self: start; gap: 10px; align-items: center; cursor: pointer; min-height: 32px; }
.switch input { appearance: none; flex: none; width: 32px; height: 18px; margin: 0; border-radius: 9px; border: 1px solid var(--muted); background: transparent; position: relative; cursor: pointer; }
.switch input::after { content: ""; position: absolute; left: 2px; top: 2px; width: 12px; height: 12px; border-radius: 50%; background: var(--muted); }
.switch input:checked { background: var(--accent); border-color: var(--accent); }
.switch input:checked::after { background: var(--paper); left: 16px; }

.alarm { margin: 4px 0; border-left: 3px solid var(--warn); background: var(--tint); padding: 8px 12px; border-radius: 0 6px 6px 0; overflow-wrap: anywhere; }
.spoken { position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

@media (pointer: coarse) { .slider, .row, .switch { min-height: 44px; } input[type="range"] { height: 44px; } .segmented span, select { padding: 9px 13px; } }
@media (forced-colors: active) { .segmented input:checked + span { outline: 2px solid; } .switch input, .switch input::after { border: 1px solid; } }
@media print { .controls { display: none; } }
`;var z=9,N=600;function S(i,t,n){let r=[...t],c=i.map((d,o)=>A(d,s=>{r[o]!==s&&(r[o]=s,c[o].set(s),n([...r]))})),e=l("p",{class:"alarm",role:"alert",hidden:!0}),p=l("p",{class:"spoken",role:"status"}),u=i.every(({label:d,kind:o})=>o==="switch"||d.length<=z),a=l("div",{class:`controls ${u?"short":""}`,role:"group","aria-label":"Settings of this figure"},c.map(d=>d.node),e,p),m,g=d=>d.forEach((o,s)=>{r[s]=o,c[s].set(o)});return g(t),{node:a,places:r,set:g,fault(d){f(e,d),e.hidden=!d},say(d){clearTimeout(m),m=setTimeout(()=>f(p,d),N)}}}function A({label:i,kind:t,texts:n},r){if(t==="slider"){let{node:e,input:p,set:u}=k(i,{min:0,max:n.length-1},r);return e.querySelector("output").style.minWidth=`${Math.max(...n.map(a=>a.length))}ch`,p.disabled=n.length<2,{node:e,set:a=>u(a,n[a])}}if(t==="switch"){let e=n.indexOf("True"),{node:p,set:u}=w(i,a=>r(a?e:1-e));return{node:p,set:a=>u(a===e)}}if(t==="choice"){let{node:e,set:p}=y(i,n.map((u,a)=>[String(a),u]),u=>r(Number(u)));return{node:l("div",{class:"row"},l("span",{class:"name","aria-hidden":"true"},i),e),set:p}}let c=l("select",{onchange:()=>r(c.selectedIndex)},n.map(e=>l("option",{},e)));return{node:l("label",{class:"row"},l("span",{class:"name"},i),c),set(e){c.selectedIndex=e}}}function j(i,t){if(i.liveFigure)return;let n=i.querySelector(".vt-still"),r=t.controls.map(o=>o.texts.length),c=o=>o.reduce((s,h,x)=>s*r[x]+h,0),e=new Map,p=c(t.start);function u(o){if(!e.has(o)){let s={image:new Image,done:!1};s.promise=new Promise((h,x)=>{s.image.onload=()=>{s.done=!0,h()},s.image.onerror=()=>{e.delete(o),x()}}),s.promise.catch(()=>{}),s.image.src=t.pictures[o],e.set(o,s)}return e.get(o)}function a(o){n.src=t.pictures[t.shown[o]],n.alt=t.texts[o]??t.texts[0],g.fault(""),t.texts.length>1&&g.say(n.alt)}function m(o){let s=c(o),h=u(t.shown[s]);if(p=s,h.done)return a(s);h.promise.then(()=>p===s&&a(s),()=>p===s&&g.fault("The picture of this setting could not be loaded; the one above shows another."))}let g=S(t.controls,t.start,m),d=l("div",{class:"vt-live-controls"});d.attachShadow({mode:"open"}).append(l("style",{},v),g.node),n.decoding="sync",n.loading="eager",n.after(d),i.liveFigure={get places(){return[...g.places]},set(o){g.set(o),m(o)},ready:Promise.allSettled(t.pictures.map((o,s)=>u(s).promise))}}(globalThis.vitTutorialFigures??={}).live={mount:j};var b=document.currentScript?.closest('[data-vt-figure="live"]');b&&j(b,JSON.parse(b.querySelector('script[type="application/json"]').textContent));})();
