#!/bin/bash
# fashion_mnist.sh PROGRAM CONVNET: runs the Fashion-MNIST examples on the first pictures of the real data, the second
# one also killed and started again, and the first on data that is missing, cut short or damaged. Skipped where the data
# is not installed.
set -euo pipefail
program=$(realpath "$1")
convnet=$(realpath "$2")
data=/usr/share/datasets/fashion-mnist
[[ -d $data ]] || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# The number of items stands in bytes 4 to 7 of an IDX file, behind it the other dimensions.
first() # NAME COUNT HEADER_BYTES ITEM_BYTES
{
    zcat "$data/$1" >whole
    head -c 4 whole
    printf "\\x$(printf %02x $(($2 >> 24)))\\x$(printf %02x $(($2 >> 16 & 255)))\\x$(printf %02x $(($2 >> 8 & 255)))\\x$(printf %02x $(($2 & 255)))"
    head -c $(($3 + $2 * $4)) whole | tail -c +9
}
mkdir some
first train-images-idx3-ubyte.gz 2000 16 784 >some/train-images-idx3-ubyte.gz
first train-labels-idx1-ubyte.gz 2000 8 1 | gzip >some/train-labels-idx1-ubyte.gz
first t10k-images-idx3-ubyte.gz 500 16 784 >some/t10k-images-idx3-ubyte.gz
first t10k-labels-idx1-ubyte.gz 500 8 1 >some/t10k-labels-idx1-ubyte.gz

"$program" some | tee output
grep -q '^Epoch 15/15$' output
awk '/^test accuracy:/ { right = $3 > 70 } END { exit !right }' output
grep -q '<svg' fashion_mnist.svg

refused() # DIRECTORY MESSAGE
{
    if "$program" "$1" >output 2>message; then
        echo "$1: was taken"
        exit 1
    fi
    cat message
    grep -q "$2" message
    [[ ! -s output ]]
}
mkdir missing
refused missing 'train-images-idx3-ubyte.gz'
cp -r some short
truncate -s -1 short/t10k-images-idx3-ubyte.gz
refused short 'short/t10k-images-idx3-ubyte.gz'
cp -r some damaged
printf 'X' | dd of=damaged/train-labels-idx1-ubyte.gz bs=1 seek=100 conv=notrunc status=none
refused damaged 'damaged/train-labels-idx1-ubyte.gz'
cp -r some uneven
cp some/t10k-labels-idx1-ubyte.gz uneven/train-labels-idx1-ubyte.gz
refused uneven 'labels'

"$convnet" some | tee whole
awk '/^test accuracy:/ { right = $3 > 70 } END { exit !right }' whole
grep -q '<svg' fashion_convnet.svg
[[ ! -e fashion_backup && $(head -c 6 fashion_convnet.csv) == epoch, ]]
mv fashion_convnet.safetensors whole.safetensors
rm fashion_convnet.csv
for lines in 3 5; do
    "$convnet" some >/dev/null &
    until [[ -e fashion_convnet.csv && $(wc -l <fashion_convnet.csv) -ge $lines ]]; do sleep 0.05; done
    kill -9 $!
    wait $! || true
done
[[ -e fashion_backup ]]
"$convnet" some | tee resumed
[[ $(tail -n 1 resumed) == $(tail -n 1 whole) ]]
cmp fashion_convnet.safetensors whole.safetensors
