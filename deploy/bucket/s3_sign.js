// Signs nginx's requests to a private bucket: AWS Signature Version 4, over host, date and path.
// http.conf imports this; server.conf says which variables it reads.

const crypto = require('crypto');

const UNSIGNED = 'UNSIGNED-PAYLOAD';
const SIGNED = 'host;x-amz-content-sha256;x-amz-date';

function hmac(key, text) {
    return crypto.createHmac('sha256', key).update(text);
}

// 20261121T170000Z. Evaluated once for a request, so that what is signed is what is sent.
function date(r) {
    return new Date().toISOString().replace(/[-:]|\.\d+/g, '');
}

function canonical(r) {
    const v = r.variables;
    const headers = `host:${v.s3_host}\nx-amz-content-sha256:${UNSIGNED}\nx-amz-date:${v.s3_date}\n`;
    return [r.method, v.s3_path, '', headers, SIGNED, UNSIGNED].join('\n');
}

function authorization(r) {
    const v = r.variables;
    const day = v.s3_date.slice(0, 8);
    const scope = `${day}/${v.s3_region}/s3/aws4_request`;
    const hash = crypto.createHash('sha256').update(canonical(r)).digest('hex');
    const text = ['AWS4-HMAC-SHA256', v.s3_date, scope, hash].join('\n');

    const secret = `AWS4${process.env.AWS_SECRET_ACCESS_KEY}`;
    const key = scope.split('/').reduce((last, part) => hmac(last, part).digest(), secret);
    const signature = hmac(key, text).digest('hex');
    const credential = `${process.env.AWS_ACCESS_KEY_ID}/${scope}`;
    return `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${SIGNED}, Signature=${signature}`;
}

export default {authorization, date};
