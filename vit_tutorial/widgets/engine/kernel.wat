;; What takes the time of a forward pass, with 128-bit SIMD: four numbers at a time, 5 x 8 in the product, whose sums stay in registers.
;; Pointers and strides are in bytes.
;;
;;   product      C[m][n] = bias[n] + sum over k of A[m][k] W[n][k]
;;   softmax, gelu, layer_norm, add_scaled: see maths.js, which has the same in JavaScript
;;
;; The constants at addresses 0 to 67 are those of maths.js. For browsers with fused multiply-add kernel.js changes three instructions that
;; stand together, f32x4.mul, local.get, f32x4.add: see there.
;;
;; Rebuild: python -m vit_tutorial.widgets.build
(module
  (import "engine" "memory" (memory 1))

  ;; m < rows, n < cols, k < depth; A and C are row-major with strides lda and ldc. W stands in panels of eight outputs,
  ;; [cols/8][depth][8], so that the inner loop reads it straight through; cols is a multiple of 8. rows is any number: in the last
  ;; tile, rows past the end are the last row again, computed and stored with the same value.
  (func (export "product")
    (param $a i32) (param $w i32) (param $bias i32) (param $c i32)
    (param $rows i32) (param $cols i32) (param $depth i32) (param $lda i32) (param $ldc i32)
    (local $row i32) (local $last i32) (local $r i32) (local $k i32) (local $panel i32)
    (local $a0 i32) (local $a1 i32) (local $a2 i32) (local $a3 i32) (local $a4 i32)
    (local $c0 i32) (local $c1 i32) (local $c2 i32) (local $c3 i32) (local $c4 i32)
    (local $w0 v128) (local $w1 v128) (local $x v128)
    (local $s00 v128) (local $s01 v128)
    (local $s10 v128) (local $s11 v128)
    (local $s20 v128) (local $s21 v128)
    (local $s30 v128) (local $s31 v128)
    (local $s40 v128) (local $s41 v128)
    (local.set $last (i32.sub (local.get $rows) (i32.const 1)))
    (loop $panels
      (local.set $row (i32.const 0))
      (loop $tiles
        ;; Where the rows r = min(row + 0 to 4, last) of this tile start, in A and in C.
        (local.set $r (local.get $row))
        (local.set $a0 (i32.add (local.get $a) (i32.mul (local.get $r) (local.get $lda))))
        (local.set $c0 (i32.add (local.get $c) (i32.mul (local.get $r) (local.get $ldc))))
        (local.set $r (select (local.tee $r (i32.add (local.get $row) (i32.const 1))) (local.get $last) (i32.lt_u (local.get $r) (local.get $last))))
        (local.set $a1 (i32.add (local.get $a) (i32.mul (local.get $r) (local.get $lda))))
        (local.set $c1 (i32.add (local.get $c) (i32.mul (local.get $r) (local.get $ldc))))
        (local.set $r (select (local.tee $r (i32.add (local.get $row) (i32.const 2))) (local.get $last) (i32.lt_u (local.get $r) (local.get $last))))
        (local.set $a2 (i32.add (local.get $a) (i32.mul (local.get $r) (local.get $lda))))
        (local.set $c2 (i32.add (local.get $c) (i32.mul (local.get $r) (local.get $ldc))))
        (local.set $r (select (local.tee $r (i32.add (local.get $row) (i32.const 3))) (local.get $last) (i32.lt_u (local.get $r) (local.get $last))))
        (local.set $a3 (i32.add (local.get $a) (i32.mul (local.get $r) (local.get $lda))))
        (local.set $c3 (i32.add (local.get $c) (i32.mul (local.get $r) (local.get $ldc))))
        (local.set $r (select (local.tee $r (i32.add (local.get $row) (i32.const 4))) (local.get $last) (i32.lt_u (local.get $r) (local.get $last))))
        (local.set $a4 (i32.add (local.get $a) (i32.mul (local.get $r) (local.get $lda))))
        (local.set $c4 (i32.add (local.get $c) (i32.mul (local.get $r) (local.get $ldc))))
        (local.set $s00 (v128.load (local.get $bias)))
        (local.set $s01 (v128.load offset=16 (local.get $bias)))
        (local.set $s10 (local.get $s00)) (local.set $s11 (local.get $s01))
        (local.set $s20 (local.get $s00)) (local.set $s21 (local.get $s01))
        (local.set $s30 (local.get $s00)) (local.set $s31 (local.get $s01))
        (local.set $s40 (local.get $s00)) (local.set $s41 (local.get $s01))
        (local.set $panel (local.get $w))
        (local.set $k (local.get $depth))
        (loop $inner
          (local.set $w0 (v128.load (local.get $panel)))
          (local.set $w1 (v128.load offset=16 (local.get $panel)))
          (local.set $x (v128.load32_splat (local.get $a0)))
          (local.set $s00 (f32x4.add (f32x4.mul (local.get $x) (local.get $w0)) (local.get $s00)))
          (local.set $s01 (f32x4.add (f32x4.mul (local.get $x) (local.get $w1)) (local.get $s01)))
          (local.set $x (v128.load32_splat (local.get $a1)))
          (local.set $s10 (f32x4.add (f32x4.mul (local.get $x) (local.get $w0)) (local.get $s10)))
          (local.set $s11 (f32x4.add (f32x4.mul (local.get $x) (local.get $w1)) (local.get $s11)))
          (local.set $x (v128.load32_splat (local.get $a2)))
          (local.set $s20 (f32x4.add (f32x4.mul (local.get $x) (local.get $w0)) (local.get $s20)))
          (local.set $s21 (f32x4.add (f32x4.mul (local.get $x) (local.get $w1)) (local.get $s21)))
          (local.set $x (v128.load32_splat (local.get $a3)))
          (local.set $s30 (f32x4.add (f32x4.mul (local.get $x) (local.get $w0)) (local.get $s30)))
          (local.set $s31 (f32x4.add (f32x4.mul (local.get $x) (local.get $w1)) (local.get $s31)))
          (local.set $x (v128.load32_splat (local.get $a4)))
          (local.set $s40 (f32x4.add (f32x4.mul (local.get $x) (local.get $w0)) (local.get $s40)))
          (local.set $s41 (f32x4.add (f32x4.mul (local.get $x) (local.get $w1)) (local.get $s41)))
          (local.set $panel (i32.add (local.get $panel) (i32.const 32)))
          (local.set $a0 (i32.add (local.get $a0) (i32.const 4)))
          (local.set $a1 (i32.add (local.get $a1) (i32.const 4)))
          (local.set $a2 (i32.add (local.get $a2) (i32.const 4)))
          (local.set $a3 (i32.add (local.get $a3) (i32.const 4)))
          (local.set $a4 (i32.add (local.get $a4) (i32.const 4)))
          (br_if $inner (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
        (v128.store (local.get $c0) (local.get $s00)) (v128.store offset=16 (local.get $c0) (local.get $s01))
        (v128.store (local.get $c1) (local.get $s10)) (v128.store offset=16 (local.get $c1) (local.get $s11))
        (v128.store (local.get $c2) (local.get $s20)) (v128.store offset=16 (local.get $c2) (local.get $s21))
        (v128.store (local.get $c3) (local.get $s30)) (v128.store offset=16 (local.get $c3) (local.get $s31))
        (v128.store (local.get $c4) (local.get $s40)) (v128.store offset=16 (local.get $c4) (local.get $s41))
        (br_if $tiles (i32.lt_u (local.tee $row (i32.add (local.get $row) (i32.const 5))) (local.get $rows))))
      ;; The next eight outputs.
      (local.set $w (local.get $panel))
      (local.set $bias (i32.add (local.get $bias) (i32.const 32)))
      (local.set $c (i32.add (local.get $c) (i32.const 32)))
      (br_if $panels (i32.gt_s (local.tee $cols (i32.sub (local.get $cols) (i32.const 8))) (i32.const 0)))))

  ;; out[row] = softmax(x[row]). The last four numbers of a row may reach into the next: they count for nothing, and what is written there
  ;; is written again with the next row; three numbers after the last row are nobody's.
  (func (export "softmax") (param $x i32) (param $out i32) (param $rows i32) (param $width i32)
    (local $i i32) (local $at i32) (local $y v128) (local $m v128) (local $sum v128) (local $infinity v128)
    (local.set $infinity (f32x4.splat (f32.const -inf)))
    (loop $each
      (local.set $m (local.get $infinity))
      (local.set $at (local.get $x)) (local.set $i (local.get $width))
      (loop $four
        (local.set $m (f32x4.pmax (local.get $m) (v128.bitselect
          (v128.load (local.get $at)) (local.get $infinity)
          (i32x4.lt_s (v128.const i32x4 0 1 2 3) (i32x4.splat (local.get $i))))))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br_if $four (i32.gt_s (local.tee $i (i32.sub (local.get $i) (i32.const 4))) (i32.const 0))))
      (local.set $m (f32x4.splat (call $max (local.get $m))))
      (local.set $sum (v128.const i32x4 0 0 0 0))
      (local.set $at (i32.const 0)) (local.set $i (local.get $width))
      (loop $four
        (local.set $y (call $exp2 (f32x4.mul (v128.load32_splat offset=32 (i32.const 0)) ;; log2(e)
          (f32x4.sub (v128.load (i32.add (local.get $x) (local.get $at))) (local.get $m)))))
        (v128.store (i32.add (local.get $out) (local.get $at)) (local.get $y))
        (local.set $sum (f32x4.add (local.get $sum) (v128.and (local.get $y)
          (i32x4.lt_s (v128.const i32x4 0 1 2 3) (i32x4.splat (local.get $i))))))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br_if $four (i32.gt_s (local.tee $i (i32.sub (local.get $i) (i32.const 4))) (i32.const 0))))
      (local.set $m (f32x4.splat (f32.div (f32.const 1) (call $sum (local.get $sum)))))
      (local.set $at (local.get $out)) (local.set $i (local.get $width))
      (loop $four
        (v128.store (local.get $at) (f32x4.mul (v128.load (local.get $at)) (local.get $m)))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br_if $four (i32.gt_s (local.tee $i (i32.sub (local.get $i) (i32.const 4))) (i32.const 0))))
      (local.set $x (i32.add (local.get $x) (i32.shl (local.get $width) (i32.const 2))))
      (local.set $out (i32.add (local.get $out) (i32.shl (local.get $width) (i32.const 2))))
      (br_if $each (local.tee $rows (i32.sub (local.get $rows) (i32.const 1))))))

  ;; 2^x for x <= 127: with n the integer next to x, 2^(x - n) is a polynomial and 2^n an exponent's bits. Below -127 it is 0.
  (func $exp2 (param $x v128) (result v128)
    (local $n v128)
    (local.set $x (f32x4.pmax (local.get $x) (f32x4.splat (f32.const -127))))
    (local.set $n (f32x4.nearest (local.get $x)))
    (local.set $x (f32x4.sub (local.get $x) (local.get $n)))
    (f32x4.mul
      (f32x4.add (v128.load32_splat offset=24 (i32.const 0)) (f32x4.mul (local.get $x)
      (f32x4.add (v128.load32_splat offset=20 (i32.const 0)) (f32x4.mul (local.get $x)
      (f32x4.add (v128.load32_splat offset=16 (i32.const 0)) (f32x4.mul (local.get $x)
      (f32x4.add (v128.load32_splat offset=12 (i32.const 0)) (f32x4.mul (local.get $x)
      (f32x4.add (v128.load32_splat offset=8 (i32.const 0)) (f32x4.mul (local.get $x)
      (f32x4.add (v128.load32_splat offset=4 (i32.const 0)) (f32x4.mul (local.get $x)
      (v128.load32_splat (i32.const 0))))))))))))))
      ;; n + 127 + 2^23 as a float has n + 127 in its low bits; shifted, they are the exponent of 2^n.
      (i32x4.shl (f32x4.add (local.get $n) (v128.load32_splat offset=28 (i32.const 0))) (i32.const 23))))

  ;; x <- x Phi(x) = max(x, 0) - |x| Phi(-|x|), and Phi(-z) = 2^(-z^2 log2(e) / 2) t (a polynomial in t), t = 1 / (1 + 0.4 z).
  (func (export "gelu") (param $x i32) (param $length i32)
    (local $y v128) (local $z v128) (local $t v128)
    (loop $four
      (local.set $y (v128.load (local.get $x)))
      (local.set $z (f32x4.abs (local.get $y)))
      (local.set $t (f32x4.div (f32x4.splat (f32.const 1))
        (f32x4.add (f32x4.splat (f32.const 1)) (f32x4.mul (local.get $z) (v128.load32_splat offset=36 (i32.const 0))))))
      (v128.store (local.get $x) (f32x4.sub
        (f32x4.pmax (local.get $y) (v128.const i32x4 0 0 0 0))
        (f32x4.mul
          (call $exp2 (f32x4.mul (f32x4.mul (local.get $z) (local.get $z)) (v128.load32_splat offset=40 (i32.const 0))))
          (f32x4.mul (f32x4.mul (local.get $z) (local.get $t))
          (f32x4.add (v128.load32_splat offset=64 (i32.const 0)) (f32x4.mul (local.get $t)
          (f32x4.add (v128.load32_splat offset=60 (i32.const 0)) (f32x4.mul (local.get $t)
          (f32x4.add (v128.load32_splat offset=56 (i32.const 0)) (f32x4.mul (local.get $t)
          (f32x4.add (v128.load32_splat offset=52 (i32.const 0)) (f32x4.mul (local.get $t)
          (f32x4.add (v128.load32_splat offset=48 (i32.const 0)) (f32x4.mul (local.get $t)
          (v128.load32_splat offset=44 (i32.const 0))))))))))))))))
      (local.set $x (i32.add (local.get $x) (i32.const 16)))
      (br_if $four (i32.gt_s (local.tee $length (i32.sub (local.get $length) (i32.const 4))) (i32.const 0)))))

  ;; out[row] = (x[row] - mean) / sqrt(variance + eps) * gain + shift; width is a multiple of 4.
  (func (export "layer_norm") (param $x i32) (param $out i32) (param $rows i32) (param $width i32) (param $gain i32) (param $shift i32) (param $eps f32)
    (local $i i32) (local $end i32) (local $y v128) (local $mean v128) (local $sum v128)
    (local.set $end (i32.shl (local.get $width) (i32.const 2)))
    (loop $each
      (local.set $sum (v128.const i32x4 0 0 0 0)) (local.set $i (i32.const 0))
      (loop $four
        (local.set $sum (f32x4.add (local.get $sum) (v128.load (i32.add (local.get $x) (local.get $i)))))
        (br_if $four (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 16))) (local.get $end))))
      (local.set $mean (f32x4.splat (f32.div (call $sum (local.get $sum)) (f32.convert_i32_s (local.get $width)))))
      (local.set $sum (v128.const i32x4 0 0 0 0)) (local.set $i (i32.const 0))
      (loop $four
        (local.set $y (f32x4.sub (v128.load (i32.add (local.get $x) (local.get $i))) (local.get $mean)))
        (local.set $sum (f32x4.add (local.get $sum) (f32x4.mul (local.get $y) (local.get $y))))
        (br_if $four (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 16))) (local.get $end))))
      (local.set $sum (f32x4.splat (f32.div (f32.const 1) (f32.sqrt (f32.add (local.get $eps)
        (f32.div (call $sum (local.get $sum)) (f32.convert_i32_s (local.get $width))))))))
      (local.set $i (i32.const 0))
      (loop $four
        (v128.store (i32.add (local.get $out) (local.get $i)) (f32x4.add
          (v128.load (i32.add (local.get $shift) (local.get $i)))
          (f32x4.mul (v128.load (i32.add (local.get $gain) (local.get $i))) (f32x4.mul (local.get $sum)
            (f32x4.sub (v128.load (i32.add (local.get $x) (local.get $i))) (local.get $mean))))))
        (br_if $four (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 16))) (local.get $end))))
      (local.set $x (i32.add (local.get $x) (local.get $end)))
      (local.set $out (i32.add (local.get $out) (local.get $end)))
      (br_if $each (local.tee $rows (i32.sub (local.get $rows) (i32.const 1))))))

  ;; out[row] = x[row] + scale * y[row]; width is a multiple of 4.
  (func (export "add_scaled") (param $x i32) (param $y i32) (param $scale i32) (param $out i32) (param $rows i32) (param $width i32)
    (local $i i32) (local $end i32)
    (local.set $end (i32.shl (local.get $width) (i32.const 2)))
    (loop $each
      (local.set $i (i32.const 0))
      (loop $four
        (v128.store (i32.add (local.get $out) (local.get $i)) (f32x4.add (v128.load (i32.add (local.get $x) (local.get $i)))
          (f32x4.mul (v128.load (i32.add (local.get $y) (local.get $i))) (v128.load (i32.add (local.get $scale) (local.get $i))))))
        (br_if $four (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 16))) (local.get $end))))
      (local.set $x (i32.add (local.get $x) (local.get $end)))
      (local.set $y (i32.add (local.get $y) (local.get $end)))
      (local.set $out (i32.add (local.get $out) (local.get $end)))
      (br_if $each (local.tee $rows (i32.sub (local.get $rows) (i32.const 1))))))

  (func $sum (param $x v128) (result f32)
    (f32.add
      (f32.add (f32x4.extract_lane 0 (local.get $x)) (f32x4.extract_lane 1 (local.get $x)))
      (f32.add (f32x4.extract_lane 2 (local.get $x)) (f32x4.extract_lane 3 (local.get $x)))))

  (func $max (param $x v128) (result f32)
    (f32.max
      (f32.max (f32x4.extract_lane 0 (local.get $x)) (f32x4.extract_lane 1 (local.get $x)))
      (f32.max (f32x4.extract_lane 2 (local.get $x)) (f32x4.extract_lane 3 (local.get $x))))))
